"""How fast is it here? What `boildown bench` measures, from an installed wheel.

`methods` times the methods one request after the other. The other tables are `rows`: each is measured in `processes` of
its own. `together` lets `systems` take turns on the same weights, `alone`, `gemm`, `concurrency` and `cached` measure
boildown by itself, `models` and `texts` are made on the spot, and `report` says in words what was found.
"""
