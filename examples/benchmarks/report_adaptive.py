"""The report's section about thresholds, which keep what is needed and no more."""

from __future__ import annotations

from report_tables import Results, missing, table

__all__ = ["adaptive"]


def adaptive(results: Results) -> list[str]:
    """For each set and threshold: answers that stay, and text that goes."""
    report = results.read("adaptive")
    if report is None:
        return missing("python examples/benchmarks/adaptive.py FILE ...")
    goals = report["goals"]
    body = []
    enough = f"{goals['retention']:.0%} of the answers"
    for name in dict.fromkeys(row["set"] for row in report["rows"]):
        rows = [row for row in report["rows"] if row["set"] == name]
        good = [row["gone_without_answer"] for row in rows if row["retention"] >= goals["retention"]]
        if good:
            what = f"Thresholds, {name}: text gone where no answer stands, with {enough} kept elsewhere"
            results.judge(what, 100 * max(good), 100 * goals["gone_without_answer"], most=False, unit=" %")
        else:
            results.missed.append(f"Thresholds, {name}: none of those tried keeps {enough}.")
        for row in rows:
            shares = (row["retention"], row["kept_with_answer"], row["gone_without_answer"])
            questions = f"{row['answered']:,} / {row['unanswered']:,}"
            body.append([name, questions, f"{row['threshold']:g}", *(f"{share:.3f}" for share in shares)])
    columns = ["set", "questions", "threshold", "answers kept", "text kept of it", "text gone where no answer stands"]
    return [
        "Each question with its documents, and again without those that hold an answer; `pairs_squad2` has one passage "
        "a question, and half of them look as if they answered it and do not. Shares of text are of characters.",
        "",
        *table(columns, body),
    ]
