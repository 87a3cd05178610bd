"""./dev bench [NAMES] [--smoke]: each measurement runs beside its ceiling and prints the ratio.

A measurement is a module of this package with `async def main(bench: Bench) -> list[Ratio]`.
"""

import argparse
import asyncio
import pkgutil
import sys
from importlib import import_module

import tests.bench as package
from tests.bench.harness import Bench, Ratio, running_bench

_NOT_MEASUREMENTS = {"__main__", "harness"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    names = sorted({module.name for module in pkgutil.iter_modules(package.__path__)} - _NOT_MEASUREMENTS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(names)} (default: all)")
    parser.add_argument("--smoke", action="store_true", help="a hundredth of the size: only shows that it runs")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(names)
    if unknown:
        parser.error(f"there is no measurement {', '.join(sorted(unknown))}")
    missed = 0
    with running_bench(smoke=arguments.smoke) as bench:
        for name in arguments.names or names:
            for ratio in asyncio.run(_measure(name, bench)):
                print(ratio.line(name), flush=True)
                missed += not ratio.reached
    return 1 if missed and not arguments.smoke else 0


async def _measure(name: str, bench: Bench) -> list[Ratio]:
    ratios: list[Ratio] = await import_module(f"tests.bench.{name}").main(bench)
    return ratios


if __name__ == "__main__":
    sys.exit(main())
