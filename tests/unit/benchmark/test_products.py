"""What linear layers multiply is noted exactly, and can be multiplied again."""

import torch
from tiny_models import tiny_bert

from boildown.benchmark.products import Products
from boildown.runtime.encoder import Encoder
from boildown.runtime.linear import Linear


def test_all_products_of_a_forward_are_noted_and_only_inside(tmp_path):
    encoder = Encoder.load(tiny_bert(tmp_path / "model"))
    config = encoder.config
    width, wide, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    products = Products(torch.device("cpu"))
    assert products.seconds() is None
    with products.noted():
        encoder.hidden([[2, 5, 6, 3] * 4])  # 16 tokens, which is what rows are padded to
    encoder.hidden([[2, 5, 3]])
    each = 2 * 16 * (4 * width * width + 2 * width * wide)
    assert products.operations == layers * each
    assert products.seconds() > 0
    with products.noted():
        pass
    assert products.operations == 0


def test_layers_multiply_as_before_after_an_error():
    multiply = Linear.__call__
    products = Products(torch.device("cpu"))
    try:
        with products.noted():
            raise ValueError
    except ValueError:
        pass
    assert Linear.__call__ is multiply
