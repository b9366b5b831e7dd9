"""What surrounds the routes: ASGI middlewares, one idea a file; `stack` puts them in order."""
