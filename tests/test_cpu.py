"""What training asks of its cpu."""

import resource
import sys

import pytest
import torch

from ccd import cpu
from ccd.cpu import cpu_threads, kept_memory

TABLE = (2**24,)  # 64 MB of float32


def faults_of_new_tables() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.zeros(TABLE).add_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator only")
def test_tables_reuse_memory_within_the_block_only():
    with kept_memory():
        faults_of_new_tables()
        kept = faults_of_new_tables()
    given_back = faults_of_new_tables()
    assert kept * 10 < given_back


def test_a_c_library_that_refuses_so_much_gets_its_own_limit(monkeypatch):
    asked = []

    class EarlyGlibc:
        def mallopt(self, parameter, value):
            asked.append((parameter, value))
            return int(parameter != cpu._MMAP_THRESHOLD or value <= cpu._USUAL)

        def malloc_trim(self, pad):
            return 0

    monkeypatch.setattr(cpu.ctypes, "CDLL", lambda name: EarlyGlibc())
    with kept_memory():
        assert asked[1] == (cpu._MMAP_THRESHOLD, cpu._USUAL)


def test_threads_are_restored_after_an_error():
    before = torch.get_num_threads()
    seen = []

    def fail() -> None:
        with cpu_threads(before + 1):
            seen.append(torch.get_num_threads())
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fail()
    assert seen == [before + 1]
    assert torch.get_num_threads() == before
    with cpu_threads(0):
        assert torch.get_num_threads() == before
