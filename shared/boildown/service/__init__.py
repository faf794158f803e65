"""The engine over HTTP: `boildown serve`, or `boildown.service.app.create_app` for a server of your own.

    app.py        builds the application: engines, gate, routes
    settings.py   what an operator decides: models, counters, tokens, limits
    gate.py       what every request passes: its id, the token, its body, the log line, the metrics
    bodies.py     how long bodies may be, one and all together, and how slow
    work.py       the thin layer between the event loop and the engine: queue, deadline, a client that has gone
    engines.py    names that requests may use, and what stands behind them
    schemas.py    what requests and answers look like
    routes/       one file for each contract
    server.py     uvicorn with a drain phase

It imports nothing heavy before the application is built, and nothing of it is imported by the engine.
"""
