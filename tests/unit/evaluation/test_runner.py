import pytest

from boildown import Budget, Compressor, Scores
from boildown.errors import BoildownError, ConfigurationError
from boildown.evaluation.entrants import Entrant, build_entrants
from boildown.evaluation.journal import Journal
from boildown.evaluation.records import read_data_set
from boildown.evaluation.runner import QuestionResult, budget_label, evaluate
from boildown.methods.bm25 import BM25
from boildown.sources import Sources

BUDGETS = [Budget(rate=1.0), Budget(rate=0.4), Budget(rate=0.0)]


class Counting(BM25):
    """BM25 that remembers how often it scored."""

    def __init__(self, final: bool = False) -> None:
        self.calls = 0
        self.final = final

    def score(self, query: str, sources: Sources) -> Scores:
        self.calls += 1
        scores = super().score(query, sources)
        return Scores(scores.relevance, scores.sentences, final=self.final)


class LastText:
    """A compressor without spans: keeps the last text whatever the rate."""

    name = "last"

    def compress(self, query, texts, rate):
        return texts[-1]


def entrant(method) -> Entrant:
    return Entrant("mine", {"method": "mine"}, Compressor(method))


def test_what_is_left_of_each_question(data_file):
    results = evaluate([read_data_set(data_file)], build_entrants(["bm25"]), BUDGETS)
    lighthouse, unanswered = results
    everything, some, nothing = lighthouse.cuts
    assert (lighthouse.file, lighthouse.id, lighthouse.method) == ("made", "lighthouse", "bm25")
    assert (everything.answer, everything.gold, everything.sentences, everything.rate) == (True, 1.0, 1.0, 1.0)
    assert (some.answer, some.gold, some.sentences) == (True, 1.0, 0.25)
    assert 0 < some.rate <= 0.4
    assert some.tokens == round(some.rate * lighthouse.tokens_in)
    assert (nothing.answer, nothing.gold, nothing.sentences, nothing.tokens) == (False, 0.0, 0.0, 0)
    assert lighthouse.answerable
    assert not unanswered.answerable
    assert [cut.answer for cut in unanswered.cuts] == [None, None, None]


def test_each_question_is_scored_once_and_one_call_warms_up(data_file):
    method = Counting()
    evaluate([read_data_set(data_file)], [entrant(method)], BUDGETS)
    assert method.calls == 1 + 2


def test_a_method_that_needs_the_budget_scores_for_each(data_file):
    method = Counting(final=True)
    results = evaluate([read_data_set(data_file)], [entrant(method)], BUDGETS)
    assert method.calls == 1 + 2 * len(BUDGETS)
    assert [cut.asked for cut in results[0].cuts] == ["rate=1", "rate=0.4", "rate=0"]


def test_a_baseline_of_text_alone_has_no_gold_and_no_sentences(data_file):
    last = Entrant("last", {"method": "last"}, LastText())
    lighthouse, _ = evaluate([read_data_set(data_file)], [last], [Budget(rate=0.5)])
    (cut,) = lighthouse.cuts
    assert (cut.answer, cut.gold, cut.sentences, cut.model_seconds) == (False, None, None, None)
    assert cut.rate == pytest.approx(cut.tokens / lighthouse.tokens_in)


def test_a_budget_that_a_baseline_does_not_know_is_refused_before_the_work(data_file):
    last, method = Entrant("last", {"method": "last"}, LastText()), Counting()
    with pytest.raises(ConfigurationError, match=r"'last' knows rates only, not threshold=0\.5"):
        evaluate([read_data_set(data_file)], [entrant(method), last], [Budget(rate=0.5), Budget(threshold=0.5)])
    assert method.calls == 0


def test_budgets_that_differ_little_are_told_apart():
    budgets = [Budget(rate=0.33333333), Budget(rate=0.33333334), Budget(tokens=1234567), Budget(threshold=2)]
    assert [budget_label(budget) for budget in budgets] == [
        "rate=0.33333333",
        "rate=0.33333334",
        "tokens=1234567",
        "threshold=2",
    ]


def test_a_run_goes_on_from_its_journal(data_file, tmp_path):
    path = tmp_path / "results.jsonl"
    data_set = read_data_set(data_file)
    with Journal(path) as journal:
        first = evaluate([data_set], [entrant(Counting())], BUDGETS, journal=journal)
    path.write_text(path.read_text().splitlines(keepends=True)[0] + '{"file": "made", "id": "unansw')
    method = Counting()
    with Journal(path) as journal:
        assert len(journal) == 1
        again = evaluate([data_set], [entrant(method)], BUDGETS, journal=journal)
    assert method.calls == 1 + 1
    assert again[0] == first[0]
    assert [(c.asked, c.tokens, c.answer) for c in again[1].cuts] == [
        (c.asked, c.tokens, c.answer) for c in first[1].cuts
    ]
    with Journal(path) as journal:
        evaluate([data_set], [entrant(method)], BUDGETS, journal=journal)
        assert method.calls == 2
        evaluate([data_set], [entrant(method)], BUDGETS[:1], journal=journal)
    assert method.calls == 2 + 1 + 2


def test_a_changed_question_is_not_taken_from_the_journal(data_file, tmp_path):
    path = tmp_path / "results.jsonl"
    method = Counting()
    with Journal(path) as journal:
        evaluate([read_data_set(data_file)], [entrant(method)], BUDGETS, journal=journal)
    before = method.calls
    data_file.write_text(data_file.read_text().replace("Ada Quill", "Ida Fell"))
    with Journal(path) as journal:
        lighthouse, _ = evaluate([read_data_set(data_file)], [entrant(method)], BUDGETS, journal=journal)
    assert method.calls == before + 2  # to warm up, and for the one that has changed
    assert lighthouse.answerable


def test_another_versions_results_are_not_taken_from_the_journal(data_file, tmp_path, monkeypatch):
    path = tmp_path / "results.jsonl"
    with Journal(path) as journal:
        evaluate([read_data_set(data_file)], [entrant(Counting())], BUDGETS, journal=journal)
    monkeypatch.setattr("boildown.evaluation.runner.__version__", "0.0.0")
    method = Counting()
    with Journal(path) as journal:
        evaluate([read_data_set(data_file)], [entrant(method)], BUDGETS, journal=journal)
    assert method.calls == 1 + 2


def test_progress_is_told_after_each_question(data_file):
    told: list[str] = []
    evaluate([read_data_set(data_file)], build_entrants(["bm25"]), BUDGETS, progress=told.append)
    assert told == ["made bm25"] * 2


def test_sets_have_different_names_and_budgets_one_counter(data_file):
    data_set = read_data_set(data_file)
    with pytest.raises(ConfigurationError, match="Two data sets are called 'made'"):
        evaluate([data_set, data_set], build_entrants(["bm25"]), BUDGETS)
    with pytest.raises(ConfigurationError, match="same counter"):
        evaluate([data_set], build_entrants(["bm25"]), [BUDGETS[0], Budget(rate=0.5, counter=len)])


def test_results_go_to_json_and_back(data_file):
    (first, _) = evaluate([read_data_set(data_file)], build_entrants(["bm25"]), BUDGETS)
    plain = first.to_dict()
    cuts = [{**cut, "f1": 0.5} for cut in plain["cuts"]]
    assert QuestionResult.from_dict({**plain, "cuts": cuts, "settings": {}}) == first


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data_sets": "made.jsonl"}, "data_sets must be a list of DataSets, not str"),
        ({"data_sets": ["made.jsonl"]}, "data_sets must be a list of DataSets; one is of the type str"),
        ({"entrants": ["bm25"]}, "entrants must be a list of Entrants; one is of the type str"),
        ({"budgets": Budget(rate=0.5)}, "budgets must be a list of Budgets, not Budget"),
        ({"budgets": [0.5]}, "budgets must be a list of Budgets; one is of the type float"),
        ({"budgets": []}, "There is no budget"),
    ],
)
def test_arguments_of_other_types_are_named(data_file, change, message):
    given = {"data_sets": [read_data_set(data_file)], "entrants": build_entrants(["bm25"]), "budgets": BUDGETS}
    with pytest.raises(BoildownError, match=message):
        evaluate(**{**given, **change})
