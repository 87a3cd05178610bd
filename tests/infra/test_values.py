"""Ids, money, periods, canonical bytes and secrets: the exact parts that everything stands on."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crewline_infra.canonical import canonical_json, sha256_hex
from crewline_infra.errors import Invalid
from crewline_infra.ids import derived_id, new_id
from crewline_infra.money import RoundingMode, minor_places, plain, round_amount, split_largest_remainder
from crewline_infra.periods import day_period, local_midnight, month_period, parse_date
from crewline_infra.secrets import SecretBox, secret_file


def test_ids_sort_as_they_were_made() -> None:
    made = [new_id() for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert {(one.version, one.variant) for one in made} == {(7, "specified in RFC 4122")}


def test_derived_ids_do_not_confuse_their_parts() -> None:
    space = UUID(int=1)
    assert derived_id(space, "a", "bc") == derived_id(space, "a", "bc") != derived_id(space, "ab", "c")


@pytest.mark.parametrize(
    ("amount", "mode", "rounded"),
    [
        ("0.125", RoundingMode.HALF_UP, "0.13"),
        ("0.125", RoundingMode.HALF_EVEN, "0.12"),
        ("-0.125", RoundingMode.HALF_UP, "-0.13"),
        ("0.121", RoundingMode.UP, "0.13"),
        ("0.129", RoundingMode.DOWN, "0.12"),
        ("-0.004", RoundingMode.HALF_UP, "0.00"),
    ],
)
def test_rounding(amount: str, mode: RoundingMode, rounded: str) -> None:
    assert plain(round_amount(Decimal(amount), 2, mode)) == rounded


def test_minor_places() -> None:
    assert [minor_places(currency) for currency in ("CNY", "JPY", "KWD")] == [2, 0, 3]


@given(
    st.decimals(-(10**9), 10**9, places=2),
    st.lists(st.decimals(0, 1000, places=3), min_size=1, max_size=12).filter(lambda weights: sum(weights) > 0),
)
def test_a_split_adds_up_and_is_fair_to_a_cent(total: Decimal, weights: list[Decimal]) -> None:
    parts = split_largest_remainder(total, weights, 2)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - total * weight / sum(weights)) < Decimal("0.0100001")


def test_a_split_without_weight_is_refused() -> None:
    with pytest.raises(Invalid, match="A split needs weights"):
        split_largest_remainder(Decimal(1), [Decimal(0)], 2)


def test_a_month_is_cut_in_its_zone() -> None:
    march = month_period("1999-03", "Asia/Jerusalem")
    assert march.starts_at == datetime(1999, 2, 28, 22, tzinfo=UTC)
    assert march.ends_at == datetime(1999, 3, 31, 22, tzinfo=UTC)
    assert march.ends_at not in march
    april = month_period("1999-04", "Asia/Jerusalem")
    assert april.starts_at == march.ends_at
    assert april.ends_at == datetime(1999, 4, 30, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    "zone", ["Asia/Jerusalem", "Asia/Shanghai", "America/Sao_Paulo", "Asia/Beirut", "Pacific/Apia"]
)
def test_days_of_a_zone_follow_each_other_without_gap(zone: str) -> None:
    day = date(2011, 1, 1)
    for _ in range(3000):
        following = day + timedelta(days=1)
        starts, ends = local_midnight(day, zone), local_midnight(following, zone)
        assert timedelta(0) <= ends - starts <= timedelta(hours=25)
        day = following


@pytest.mark.parametrize("label", ["1999-13", "1999-3", "99-03", "", "1999-03-01", "٢٠٢٦-01", "1999-03\n", "0000-01"])
def test_what_is_no_month(label: str) -> None:
    with pytest.raises(Invalid, match="is no month"):
        month_period(label, "UTC")


@pytest.mark.parametrize("text", ["1999-02-30", "19990301", "tomorrow", "", "1999-3-1"])
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(Invalid, match="is no date"):
        parse_date(text)


def test_what_is_no_zone() -> None:
    for zone in ("Mars/Base", "../etc/passwd", "", "\0"):
        with pytest.raises(Invalid, match="is no time zone"):
            month_period("1999-03", zone)


def test_a_period_does_not_end_before_it_begins() -> None:
    with pytest.raises(Invalid, match="ends on"):
        day_period(date(2026, 1, 2), date(2026, 1, 1), "UTC")


def test_canonical_bytes() -> None:
    value = {"b": Decimal("1.50"), "a": [datetime(2026, 1, 1, 8, tzinfo=UTC), None, True, "中"]}
    assert canonical_json(value) == '{"a":["2026-01-01T08:00:00.000Z",null,true,"中"],"b":"1.50"}'.encode()
    assert sha256_hex(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    with pytest.raises(TypeError, match="no canonical form for float"):
        canonical_json({"a": 1.5})


def test_a_sealed_secret_cannot_be_moved_or_changed(tmp_path: Path) -> None:
    box = SecretBox.from_folder(tmp_path)
    sealed = box.seal(b"whsec", "t1|crm_endpoint|secret|1")
    assert SecretBox.from_folder(tmp_path).open(sealed, "t1|crm_endpoint|secret|1") == b"whsec"
    with pytest.raises(Invalid, match="does not belong here"):
        box.open(sealed, "t2|crm_endpoint|secret|1")
    with pytest.raises(Invalid, match="does not belong here"):
        box.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), "t1|crm_endpoint|secret|1")
    with pytest.raises(Invalid, match="with a key that is not here"):
        box.open(b"k9." + sealed[3:], "t1|crm_endpoint|secret|1")


def test_a_secret_file_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first = secret_file(tmp_path / "secrets", "one")
    assert secret_file(tmp_path / "secrets", "one") == first
    assert (tmp_path / "secrets" / "one").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
