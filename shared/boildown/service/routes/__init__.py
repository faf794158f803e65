"""One file for each contract; each has `add_routes(app, service)`, which gives the routes."""
