"""How connections are served: uvicorn with httptools and uvloop, and limits on what a client may hold open."""
