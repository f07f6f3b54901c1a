"""`make bench`: every benchmark in turn, each in a process of its own. They print ratios and shares, no verdict."""

import subprocess
import sys

BENCHMARKS = (
    ("Orientation beside C, vqf, imufusion and ahrs", "tests.bench.orientation"),
    ("EMG beside NeuroKit2 and pyemgpipeline", "tests.bench.emg"),
    ("Pipeline", "tests.bench.pipeline"),
    ("Virtual radio, bleak only", "tests.bench.radio_body"),
    ("The whole line", "tests.bench.whole_line"),
)


def main() -> int:
    """Run those whose name contains an argument, or all."""
    worst = 0
    for title, module in BENCHMARKS:
        if len(sys.argv) == 1 or any(word in module for word in sys.argv[1:]):
            print(f"== {title} (python -m {module})", flush=True)
            worst = max(worst, subprocess.run([sys.executable, "-m", module], check=False).returncode)
            print(flush=True)
    return worst


if __name__ == "__main__":
    sys.exit(main())
