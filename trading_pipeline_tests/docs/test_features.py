"""The page of all features."""

from trading_pipeline_tests.docs.features import TARGET, markdown, registered


def test_the_page_of_the_features_is_what_the_registry_says():
    command = "python -m trading_pipeline_tests.docs.features"
    assert TARGET.read_text(encoding="utf-8") == markdown(registered()), f"write it: {command}"


def test_the_page_names_every_feature_in_a_row_of_equal_width():
    page = markdown(registered())
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert sorted(row.split("`")[1] for row in rows) == sorted(f.name for f, *_ in registered())
    assert {row.replace("\\|", "").count("|") for row in rows} == {9}
