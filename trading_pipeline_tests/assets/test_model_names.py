"""The name of a judged model tells apart what was fitted from other code or other rows."""

from trading_pipeline.assets.ensemble import judged_version

FITTED_FROM = {"code": "a" * 16, "features": "b" * 32}


def test_a_recipe_fitted_again_from_the_same_keeps_its_name():
    again = dict(reversed(FITTED_FROM.items()))
    assert judged_version("recipe01", "protocol", FITTED_FROM) == judged_version(
        "recipe01", "protocol", again
    )


def test_other_code_or_other_rows_give_another_name():
    names = {
        judged_version("recipe01", "protocol", FITTED_FROM),
        judged_version("recipe01", "protocol", {**FITTED_FROM, "code": "c" * 16}),
        judged_version("recipe01", "protocol", {**FITTED_FROM, "features": "d" * 32}),
        judged_version("recipe02", "protocol", FITTED_FROM),
    }
    assert len(names) == 4
