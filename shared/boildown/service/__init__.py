"""The engine over HTTP: `boildown serve`, or `boildown.service.app.create_app` for a server of your own.

It imports nothing heavy before the application is built, and nothing of it is imported by the engine.
"""
