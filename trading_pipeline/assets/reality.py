"""What is real in a run's data and what is simulated, in sentences."""

from trading_pipeline.resources import StageRun

REALITY = {
    "sample": (
        "Real: daily closes of 20 large US stocks and the S&P 500, 1990 to 2022 (skfolio's bundled"
        " data). Simulated: all minute bars and quotes, of fictitious symbols SIM01 and on.",
        "The daily source has closes only: open, high, low and volume are missing, and so is"
        " whatever needs them; entries fall on the next close.",
        "The 20 stocks are those that survived: returns look better than a trader's could have.",
    ),
    "simulated": (
        "Everything here is simulated: a market whose signal is planted and known. Nothing in it"
        " says anything about real markets.",
    ),
}


def reality(run: StageRun) -> tuple[str, ...]:
    """Return in plain sentences what is real, what is simulated, and how prices are adjusted."""
    source = run.config.source
    if source.kind in REALITY:
        return REALITY[source.kind]
    universe = run.table("bars.universe")
    n_made = int(universe["is_simulated"].sum())
    n_real = len(universe) - n_made
    n_minute_only = len(universe) - int(
        run.read("select count(distinct symbol) as n from bars.daily")["n"].iloc[0]
    )
    origin = f"real, as the folder {source.data} says: {n_real} symbols"
    if n_made:
        origin = f"simulated, as the folder {source.data} says: {n_made} symbols; real: {n_real}"
    if n_minute_only:
        origin += f"; {n_minute_only} of them have minute bars only"
    prices = run.read(
        "select prices, count(distinct symbol) as n from bars.daily group by prices order by prices"
    )
    words = {
        "raw": "as traded",
        "split": "adjusted for splits",
        "total": "adjusted for splits and dividends",
    }
    adjusted = "; ".join(f"{r.n} symbols {words[str(r.prices)]}" for r in prices.itertuples())
    known = {
        "vix": "the folder's VIX",
        "realised_proxy": "a proxy from the index's own volatility",
        "missing": "nothing, where the VIX is missing",
    }
    vix = run.read("select distinct vix_source as s from regimes.market order by s")["s"]
    return (
        origin[0].upper() + origin[1:] + ".",
        f"Daily prices: {adjusted}.",
        f"Regimes rest on {' and '.join(known[name] for name in vix)}.",
    )
