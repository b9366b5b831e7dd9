"""What the application does besides answering, watched from inside its process."""

from waiting import wait_until

# Whose facts are known, and how many articles' facts Python searches for garbage.
PROGRAM = """
import gc
from serving.__main__ import serve
from serving.app import create_app
from serving.cache.article_facts import ArticleFacts

app = create_app()

@app.get("/inside")
def inside():
    n_searched = sum(isinstance(each, ArticleFacts) for each in gc.get_objects())
    return {"articles": list(app.state.store.catalogue.facts), "searched": n_searched}

serve(app)
"""


def test_facts_of_articles_are_not_searched_for_garbage(redis_server, client, start_api, publish_planted, planted):
    publish_planted(client, version=1)
    with start_api(redis_server.directory, program=PROGRAM) as http:
        assert http.get("/inside").json() == {"articles": list(planted(1).articles), "searched": 0}
        publish_planted(client, version=2)
        wait_until(lambda: http.get("/inside").json() == {"articles": list(planted(2).articles), "searched": 0})
