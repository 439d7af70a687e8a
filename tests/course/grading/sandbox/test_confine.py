"""What a process gives up: the filter of system calls on either machine, limits, rights."""

import errno
import json
import os
import platform
import subprocess
import sys
from textwrap import dedent

import pytest

from dlm_course.course.grading.sandbox import confine

if sys.platform != "linux":
    pytest.skip("the kernel's means are Linux's", allow_module_level=True)

ALLOWED, KILLED = 0x7FFF0000, 0x80000000


def filtered(machine, number, argument=0, architecture=None):
    """What the kernel does with a call, by its rules for such programs: an errno, 0 for allowed, -1 for the end."""
    _, own = confine._MACHINES[machine]
    words = {0: number, 4: own if architecture is None else architecture, 16: argument}
    at, loaded = 0, 0
    program = confine.filter_program(machine)
    while True:
        code, if_true, if_false, operand = program[at]
        at += 1
        if code == 0x20:
            loaded = words[operand]
        elif code == 0x06:
            return {ALLOWED: 0, KILLED: -1}.get(operand, operand & 0xFFFF)
        else:
            true = {0x15: loaded == operand, 0x35: loaded >= operand, 0x45: loaded & operand != 0}[code]
            at += if_true if true else if_false


MACHINES = pytest.mark.parametrize("machine", ["x86_64", "aarch64"])


@MACHINES
def test_refused_calls(machine):
    column = confine._MACHINES[machine][0]
    for calls, error in ((confine._REFUSED, errno.EPERM), (confine._UNKNOWN, errno.ENOSYS)):
        for name, numbers in calls.items():
            if numbers[column] is not None:
                assert filtered(machine, numbers[column]) == error, name


@MACHINES
def test_what_a_program_needs_is_allowed(machine):
    refused = {numbers[confine._MACHINES[machine][0]] for calls in (confine._REFUSED, confine._UNKNOWN, confine._CALLS)
               for numbers in calls.values()}
    for number in set(range(460)) - refused:
        assert filtered(machine, number) == 0


@MACHINES
def test_processes_can_be_made_but_no_namespaces(machine):
    clone = confine._CALLS["clone"][confine._MACHINES[machine][0]]
    assert filtered(machine, clone, 0x01200011) == 0    # fork
    assert filtered(machine, clone, 0x003D0F00) == 0    # a thread
    for flag in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x80):
        assert filtered(machine, clone, flag | 17) == errno.EPERM


@MACHINES
def test_sockets_of_one_family(machine):
    socket = confine._CALLS["socket"][confine._MACHINES[machine][0]]
    assert [family for family in range(60) if filtered(machine, socket, family) == 0] == [1]    # AF_UNIX
    assert filtered(machine, socket, 40) == errno.EAFNOSUPPORT


@MACHINES
def test_calls_by_other_numbers(machine):
    """Of a 32-bit program, of another machine, and of x32."""
    assert filtered(machine, 0, architecture=0x40000003) == -1
    if machine == "x86_64":
        assert filtered(machine, 0x40000000 + 165) == errno.EPERM


def in_a_process(code):
    """What the code prints, as JSON, in a process of its own: nothing of this can be taken back."""
    imports = """
        import json, os, resource
        from dlm_course.course.grading.sandbox import confine
        from dlm_course.course.grading.sandbox.wire import Limits
        """
    done = subprocess.run([sys.executable, "-c", dedent(imports) + dedent(code)], capture_output=True, text=True,
                          check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_limits_are_set():
    limits = in_a_process("""
        size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        confine.set_limits(Limits(cpu=7, address_space=2**28, file_size=99, processes=5, open_files=33), others=2)
        print(json.dumps({name: resource.getrlimit(getattr(resource, "RLIMIT_" + name))
                          for name in ("CPU", "FSIZE", "NPROC", "NOFILE", "CORE", "AS")} | {"size": size}))
        """)
    size = limits.pop("size")
    assert abs(limits.pop("AS")[0] - size - 2**28) < 2**24
    assert limits == {"CPU": [7, 8], "FSIZE": [99, 99], "NPROC": [7, 7], "NOFILE": [33, 33], "CORE": [0, 0]}


def test_limits_are_never_raised():
    assert in_a_process("""
        resource.setrlimit(resource.RLIMIT_FSIZE, (50, 50))
        resource.setrlimit(resource.RLIMIT_CPU, (3, 3))
        confine.set_limits(Limits(cpu=7, file_size=99))
        print(json.dumps([resource.getrlimit(resource.RLIMIT_FSIZE), resource.getrlimit(resource.RLIMIT_CPU)]))
        """) == [[50, 50], [3, 3]]


def test_rights_are_gone_and_calls_refused():
    status, error = in_a_process("""
        confine.drop_capabilities()
        confine.filter_calls()
        status = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines())
        try: confine.new_namespaces()
        except OSError as e: error = str(e)
        print(json.dumps([status, error]))
        """)
    assert int(status["CapPrm"], 16) == int(status["CapEff"], 16) == 0
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert "unshare: Operation not permitted" in error


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_root_becomes_nobody():
    ids, groups, capabilities = in_a_process("""
        confine.become(confine.NOBODY)
        status = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines())
        print(json.dumps([[*os.getresuid(), *os.getresgid()], os.getgroups(),
                          [status[name].strip("0") for name in ("CapPrm", "CapEff", "CapBnd")]]))
        """)
    assert ids == [65534] * 6
    assert groups == []
    assert capabilities == [""] * 3


def test_this_machine_is_known_or_not():
    assert confine.knows_calls() == (platform.machine() in ("x86_64", "aarch64"))
