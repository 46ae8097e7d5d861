"""The picture in the README."""

from trading_pipeline_tests.docs.asset_graph import TARGET, graph, reduced, svg


def test_the_picture_in_the_readme_is_the_graph_of_the_definitions():
    command = "python -m trading_pipeline_tests.docs.asset_graph"
    assert TARGET.read_text(encoding="utf-8") == svg(graph()), f"draw it again: {command}"


def test_only_arrows_that_follow_from_others_are_left_out():
    reads = {"a.a": set(), "b.b": {"a.a"}, "c.c": {"a.a", "b.b"}, "d.d": {"a.a"}}
    assert reduced(reads) == {"a.a": set(), "b.b": {"a.a"}, "c.c": {"b.b"}, "d.d": {"a.a"}}
