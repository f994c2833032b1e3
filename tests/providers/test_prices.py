"""What tokens cost, by model, tier and time to live of the cache."""

from __future__ import annotations

from dataclasses import replace

import pytest

from claude_nb.providers.models import Models
from claude_nb.providers.prices import Price
from claude_nb.types.request import Usage

TABLE = Models()
MILLION = 1_000_000


def usage(tokens: int, *, read: int = 0, written: int = 0, hour: int = 0, out: int = 0) -> Usage:
    return Usage(tokens, out, cache_read_tokens=read, cache_write_tokens=written + hour, cache_write_1h_tokens=hour)


@pytest.mark.parametrize(
    ("model", "tokens", "usd"),
    [
        ("fable-5", usage(MILLION, read=900_000), 1.90),
        ("fable-5", usage(MILLION, written=900_000), 12.25),
        ("fable-5.1", usage(MILLION, written=900_000), 12.25),
        ("fable-5.1", usage(MILLION, read=900_000), 1.225),
        ("fable-5.2", usage(MILLION, read=900_000), 0.98),
        ("fable-5.2", usage(MILLION, hour=MILLION), 16),
        ("haiku-5.5", usage(MILLION, read=900_000), 0.095),
        ("haiku-5.5", usage(50_000, written=40_000), 0.006),
        ("haiku-5.5", usage(100_000, read=100_000), 0.001),
        ("haiku-5.5", usage(100_001, read=100_001), 0.00500005),
        ("haiku-5.5", usage(200_000, written=200_000), 0.125),
        ("haiku-5.5", usage(200_000, hour=200_000), 0.2),
        ("opus-5.5", usage(MILLION, written=500_000, hour=500_000), 6.5),
        ("opus-5.5", usage(0, out=MILLION), 20),
        ("sonnet-5.5", usage(MILLION, hour=MILLION), 4),
        ("sonnet-5.5", usage(MILLION, read=MILLION), 0.1),
        ("sonnet-4.6", usage(MILLION, hour=MILLION), 6),
        ("opus-4.8", usage(MILLION, hour=MILLION), 10),
        ("haiku-4.5", usage(MILLION, hour=MILLION), 2),
    ],
)
def test_cached_tokens_cost_what_the_vendor_lists(model: str, tokens: Usage, usd: float) -> None:
    price = TABLE.price(model, "anthropic")
    assert price is not None
    assert price.cost_usd(tokens) == pytest.approx(usd)
    fresh = replace(tokens, cache_read_tokens=0, cache_write_tokens=0, cache_write_1h_tokens=0)
    saved, plain, cost = price.saved_usd(tokens), price.cost_usd(fresh), price.cost_usd(tokens)
    assert plain is not None
    assert cost is not None
    assert saved == pytest.approx(plain - cost)


def test_fast_mode_doubles_every_price() -> None:
    usual, fast = TABLE.price("opus-5.5", "anthropic"), TABLE.price("opus-5.5", "anthropic", "fast")
    assert fast == Price(8, 40, 0.4, 10, 16, searches=10)
    assert usual == Price(4, 20, 0.2, 5, 8, searches=10)
    tier = TABLE.price("haiku-5.5", "anthropic")
    assert tier is not None
    assert tier.times(2).cost_usd(usage(200_000)) == pytest.approx(0.2)


def test_more_hours_than_writes_cost_no_more_than_the_writes() -> None:
    price = Price(2, 10, cache_write=2.5, cache_write_1h=4)
    assert price.cost_usd(Usage(10, 0, cache_write_tokens=5, cache_write_1h_tokens=50)) == pytest.approx(30 / 1e6)
    assert price.cost_usd(Usage(10, 0, cache_write_1h_tokens=50)) == pytest.approx(20 / 1e6)
    assert Price(2, 10, cache_write=2.5).cost_usd(usage(10, hour=10)) == pytest.approx(25 / 1e6)


def test_every_price_of_the_vendor_names_each_kind_of_token() -> None:
    for spec in TABLE.table.values():
        price = spec.prices.get("anthropic")
        while price:
            assert None not in (price.cache_read, price.cache_write, price.cache_write_1h), spec.name
            assert price.cache_write == pytest.approx(1.25 * price.input)
            assert price.cache_write_1h == pytest.approx(2 * price.input)
            price = price.then
