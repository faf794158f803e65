import pytest

from boildown import Compressor
from boildown.errors import ConfigurationError
from boildown.evaluation.entrants import build_entrants, entrant_names


def test_names_hold_methods_and_baselines():
    assert {"bm25", "truncate", "random", "llmlingua_package"} <= set(entrant_names())


def test_options_go_to_all_methods_or_to_one():
    truncate, chance = build_entrants(["truncate", "random"], ["random.seed=3"])
    assert isinstance(truncate.system, Compressor)
    assert chance.settings["options"] == {"seed": 3}
    assert chance.system.method.seed == 3
    assert truncate.settings["options"] == {}
    (chance,) = build_entrants(["random"], ["random.seed=3", "seed=4"])
    assert chance.settings["options"] == {"seed": 3}  # what is said for one counts, wherever it stands
    (package,) = build_entrants(["llmlingua_package=folder/m"], ["variant=longllmlingua", "device=cuda"])
    assert (package.system.model, package.system.variant, package.system.device) == (
        "folder/m",
        "longllmlingua",
        "cuda",
    )


def test_the_same_method_with_two_models_has_two_labels():
    entrants = build_entrants(["llmlingua_package=a/one", "llmlingua_package=a/two"])
    assert [e.label for e in entrants] == ["llmlingua_package (one)", "llmlingua_package (two)"]
    same = ["llmlingua_package=a/model", "llmlingua_package=b/model", "llmlingua_package=model", "random"]
    assert [e.label for e in build_entrants(same)] == [
        "llmlingua_package (a/model)",
        "llmlingua_package (b/model)",
        "llmlingua_package (model)",
        "random",
    ]


@pytest.mark.parametrize(
    ("methods", "options", "message"),
    [
        ("bm25", [], r"methods=\['bm25'\]"),
        (["bm2"], [], "Did you mean 'bm25'"),
        (["random"], ["sede=1"], "takes no 'sede'; it takes seed"),
        (["bm25"], ["random.seed=1"], "Unknown method in the option random.seed"),
        (["bm25"], ["seed"], "KEY=VALUE"),
        (["random"], ["seed=1", "seed=2"], "--option seed=... is given twice"),
        (["bm25=model"], [], "takes no 'model'"),
        (["truncate=model"], [], "takes no 'model'"),
        (["llmlingua_package"], [], "needs a model"),
        (["bm25", "bm25"], [], "given twice"),
        (["llmlingua_package=a/model", "llmlingua_package=a//model"], [], "given twice"),
    ],
)
def test_what_does_not_fit_is_an_error(methods, options, message):
    with pytest.raises(ConfigurationError, match=message):
        build_entrants(methods, options)


def test_ranking_and_unit_are_part_of_the_settings():
    (plain,) = build_entrants(["bm25"])
    (ranked,) = build_entrants(["bm25"], rank="bm25", unit="word")
    assert plain.settings != ranked.settings
    assert ranked.system.plan.unit == "word"
    assert ranked.system.rank is not None
    (by_model,) = build_entrants(["bm25"], rank="prune=a/model")
    assert (by_model.system.rank.model, by_model.settings["rank"]) == ("a/model", "prune=a/model")
