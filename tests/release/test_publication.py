"""A run is published once, also when it is killed after its lists went up and then resumed."""

from dataclasses import replace

from test_publish import planted_lists

from recommender.release.publication import publish_once
from recommender.release.publish import PublishedRun
from recommender.release.published_versions import CURRENT, PREVIOUS, versions

RUN = PublishedRun("demo", "41", "model", {})


def test_a_run_that_is_served_already_is_not_published_again(client):
    earlier = publish_once(client, planted_lists(0), replace(RUN, run_id="40"))
    first = publish_once(client, planted_lists(1), RUN)
    again = publish_once(client, planted_lists(1), RUN)
    assert replace(again, seconds=first.seconds) == first
    assert [(each.version, each.state) for each in versions(client, "demo")] == [
        (first.version, CURRENT),
        (earlier.version, PREVIOUS),
    ]


def test_the_next_run_is_published_though_its_lists_are_the_same(client):
    first = publish_once(client, planted_lists(1), RUN)
    assert publish_once(client, planted_lists(1), replace(RUN, run_id="42")).version != first.version
