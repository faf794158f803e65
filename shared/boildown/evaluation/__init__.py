"""Does compressed text still hold the answer? Data sets, baselines, retention, reports and plots.

The pieces, in the order in which they are used: `records` and `public` read questions, `entrants` builds what takes
part, `runner` compresses and measures, `journal` remembers what was measured, `report` and `plot` show it.
"""
