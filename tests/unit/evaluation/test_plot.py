import pytest

from boildown.errors import ConfigurationError
from boildown.evaluation.plot import check_plot, save_plot
from boildown.evaluation.report import Row

pytest.importorskip("matplotlib")


def row(file, method, rate, answer, gold=None):
    return Row(file, method, f"rate={rate}", 1, 0, rate, None, answer, gold, None, None, None, None, None)


ROWS = [row(f, m, r, r) for f in ("one", "two") for m in ("bm25", "random") for r in (0.1, 0.5)]


def test_a_panel_for_each_file_and_a_line_for_each_method(tmp_path):
    png, svg = save_plot([*ROWS, row("meetings", "bm25", 0.5, None, 0.7)], tmp_path / "plot.png")
    assert png.read_bytes().startswith(b"\x89PNG")
    drawn = svg.read_text(encoding="utf-8")
    for text in ("one", "two", "meetings (gold documents)", "bm25", "random"):
        assert f">{text}<" in drawn


def test_names_are_drawn_as_they_are(tmp_path):
    _, svg = save_plot([row("costs_$5_$x^", "prune (mine_$1$)", 0.5, 1.0)], tmp_path / "plot.png")
    drawn = svg.read_text(encoding="utf-8")
    for text in ("costs_$5_$x^", "prune (mine_$1$)"):
        assert f">{text}<" in drawn


def test_the_same_rows_give_the_same_files(tmp_path):
    first = [path.read_bytes() for path in save_plot(ROWS, tmp_path / "a.svg")]
    assert first == [path.read_bytes() for path in save_plot(ROWS, tmp_path / "b.svg")]


def test_nothing_to_draw_and_nowhere_to_draw_it(tmp_path):
    with pytest.raises(ConfigurationError, match="nothing to plot"):
        save_plot([row("one", "bm25", 0.5, None)], tmp_path / "a.png")
    with pytest.raises(ConfigurationError, match="no folder"):
        save_plot(ROWS, tmp_path / "absent" / "a.png")
    (tmp_path / "taken.png").mkdir()
    for path in (tmp_path / "taken.svg", "."):
        with pytest.raises(ConfigurationError, match=r"cannot be written|no file name"):
            check_plot(path)


def test_a_full_disk_is_no_traceback(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    def full(self, path, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full)
    with pytest.raises(ConfigurationError, match="No space left"):
        save_plot(ROWS, tmp_path / "a.png")
