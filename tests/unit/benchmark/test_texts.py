from pathlib import Path

import pytest
from tokenizers import Tokenizer

from boildown.benchmark.models import make_model
from boildown.benchmark.texts import TOKENS_EACH, cut_documents, handbook, made_of_words
from boildown.benchmark.vocabularies import learn_tokenizer
from boildown.counters import resolve_counter

PAGES = Path(__file__).parents[3] / "examples" / "data" / "handbook"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    make_model("minilm-l6-cross-encoder", folder, tiny=True)
    return folder


def test_the_handbook_is_that_of_the_examples():
    pages = [" ".join(path.read_text(encoding="utf-8").split()) for path in sorted(PAGES.iterdir())]
    assert handbook() == pages, "write the pages into handbook.txt, each on one line"


def test_documents_have_the_tokens_asked_for_and_follow_each_other(folder):
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))

    def count(text):
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    total = count(" ".join(handbook()))
    lengths = [30, total - 40, 40]  # the last one has the end of the handbook, and goes on from the front
    documents = cut_documents(folder, lengths)
    assert [count(text) for text in documents] == lengths
    assert handbook()[0].startswith(documents[0])
    assert documents[2].endswith(f" {documents[0]}")
    assert cut_documents(folder, lengths[1:], begin=30) == documents[1:]


def test_words_fill_documents_of_about_the_same_size():
    documents = made_of_words(3)
    assert documents == made_of_words(3) != made_of_words(3, seed=1)
    count = resolve_counter(None).count
    assert all(abs(count(text) - TOKENS_EACH) < 15 for text in documents)


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", "gpt2"])
def test_a_vocabulary_has_the_size_of_the_table_and_texts_use_what_was_learned(kind):
    tokenizer = learn_tokenizer(kind, handbook(), 9000)
    assert len(tokenizer) == 9000
    ids = tokenizer(handbook()[3])["input_ids"]
    assert not any(token.startswith("[unused") for token in tokenizer.convert_ids_to_tokens(ids))
    assert tokenizer.unk_token_id not in ids
