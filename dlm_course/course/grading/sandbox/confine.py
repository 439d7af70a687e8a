"""What a process of the sandbox gives up before it runs a student's code. Linux, by the kernel's own calls.

Every function changes the process that calls it, for good. Raises OSError, with the call that failed, where the kernel
refuses.
"""

import contextlib
import ctypes
import os
import platform
import resource
import struct

from dlm_course.course.grading.sandbox.wire import Limits

NOBODY = 65534

_CLONE = {"mounts": 0x00020000, "ipc": 0x08000000, "users": 0x10000000, "pids": 0x20000000}
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_RDONLY, _MS_REC, _MS_PRIVATE = 2, 4, 8, 1, 0x4000, 0x40000
_MNT_DETACH = 2
_PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_SECCOMP, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 4, 24, 22, 36, 38
_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _call(what: str, *args: int | bytes | ctypes.Array | None) -> None:
    arguments = [ctypes.c_ulong(arg) if isinstance(arg, int) else arg for arg in args]
    if getattr(_libc, what)(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def set_dumpable(yes: bool) -> None:
    """Whether other processes of the same user may look into this one."""
    _call("prctl", _PR_SET_DUMPABLE, int(yes), 0, 0, 0)


def adopt_orphans() -> None:
    """Processes below this one stay below it, whatever becomes of those between."""
    _call("prctl", _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent() -> None:
    """The kernel kills this process when the one that forked it ends."""
    _call("prctl", _PR_SET_PDEATHSIG, 9, 0, 0, 0)


def no_new_privileges() -> None:
    """No program that is started has more rights than this process."""
    _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def become(user: int) -> None:
    """Root's process becomes one of this user, without groups and capabilities."""
    _drop_bounding_set()
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    drop_capabilities()


def _drop_bounding_set() -> None:
    for capability in range(64):
        if _libc.prctl(*map(ctypes.c_ulong, (_PR_CAPBSET_DROP, capability, 0, 0, 0))) == -1:
            break    # the last one that this kernel knows; or it may not be dropped, and then there is none to gain


def drop_capabilities() -> None:
    """None is left, and none can be had again."""
    _drop_bounding_set()
    no_new_privileges()
    header, data = struct.pack("Ii", 0x20080522, 0), bytes(24)
    _call("capset", ctypes.create_string_buffer(header), ctypes.create_string_buffer(data))


def uncover_proc() -> None:
    """Takes away what hides parts of /proc from root: where it is there, the kernel allows no second /proc."""
    for name in ("sys", "sysrq-trigger", "irq", "bus"):
        _libc.umount2(f"/proc/{name}".encode(), ctypes.c_int(_MNT_DETACH))


def new_namespaces() -> None:
    """Users, mounts and System V objects of its own; the process that it forks next is the first of its processes."""
    uid, gid = os.getuid(), os.getgid()
    _call("unshare", _CLONE["users"] | _CLONE["mounts"] | _CLONE["pids"] | _CLONE["ipc"])
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def fresh_mounts(scratch: str, size: int) -> None:
    """Empty folders in memory for `scratch` and /dev/shm, and a /proc that shows the new processes alone."""
    _call("mount", None, b"/", None, _MS_REC | _MS_PRIVATE, None)
    for place in (scratch, "/dev/shm"):
        options = f"size={size},nr_inodes=16384,mode=700"
        _call("mount", b"tmpfs", place.encode(), b"tmpfs", _MS_NOSUID | _MS_NODEV, options.encode())
    try:
        _call("mount", b"proc", b"/proc", b"proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, None)
    except OSError:    # parts of the old one are hidden, in a container for example: then none at all
        _call("mount", b"tmpfs", b"/proc", b"tmpfs", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC | _MS_RDONLY, b"size=4k")


def be_the_first_to_go() -> None:
    """Where the machine runs out of memory, the kernel ends this process before others."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")


def set_limits(limits: Limits, others: int = 0) -> None:
    """The kernel's limits of a process. `others` are processes of the same user that it counts, too."""
    size = _size()
    for what, most in ((resource.RLIMIT_CORE, 0),
                       (resource.RLIMIT_FSIZE, limits.file_size),
                       (resource.RLIMIT_NOFILE, limits.open_files),
                       (resource.RLIMIT_NPROC, others + limits.processes),
                       *([(resource.RLIMIT_AS, size + limits.address_space)] if size else [])):
        _lower(what, most, most)
    _lower(resource.RLIMIT_CPU, limits.cpu, limits.cpu + 1)    # first a signal, which can be ignored; then the end


def _lower(what: int, soft: int, hard: int) -> None:
    """Sets a limit, no higher than the one that there is."""
    most = resource.getrlimit(what)[1]
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    resource.setrlimit(what, (soft, hard))


def _size() -> int:
    """Bytes of address space that this process has; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


# Calls that no answer needs: name -> (number on x86-64, on 64-bit ARM); None where there is none.
_REFUSED: dict[str, tuple[int, int | None]] = {
    # namespaces and mounts
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440), "move_pages": (279, 239), "migrate_pages": (256, 238),
    # what outlives a process: keys, System V objects, message queues
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "shmget": (29, 194), "shmat": (30, 196),
    "shmctl": (31, 195), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
    # memory that the limits do not count
    "vmsplice": (278, 75), "memfd_secret": (447, 447),
    # where kernels had their faults
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "fanotify_init": (300, 262), "lookup_dcookie": (212, 18), "quotactl": (179, 60),
    "personality": (135, 92), "syslog": (103, 116), "acct": (163, 89), "swapon": (167, 224), "swapoff": (168, 225),
    "reboot": (169, 142), "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "iopl": (172, None), "ioperm": (173, None),
    "modify_ldt": (154, None),
}
# Calls for which programs have another way if the kernel does not know them.
_UNKNOWN: dict[str, tuple[int, int | None]] = {"clone3": (435, 435), "memfd_create": (319, 279)}
_CALLS = {"clone": (56, 220), "socket": (41, 198)}
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_LOAD, _EQUAL, _AT_LEAST, _ANY_OF, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS, _EAFNOSUPPORT = 1, 38, 97
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_NEW_NAMESPACES = 0x7E020080
_FAMILIES = (1,)    # sockets within the sandbox: what those of the internet leave in the kernel outlives a job


def knows_calls() -> bool:
    """True if `filter_calls` knows this machine's numbers."""
    return platform.machine() in _MACHINES


def filter_calls() -> None:
    """Refuses, from now on, the calls above, and sockets of other families. Needs no_new_privileges before."""
    program = filter_program(platform.machine())
    buffer = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(program), ctypes.addressof(buffer)))
    _call("prctl", _PR_SET_SECCOMP, 2, ctypes.addressof(header), 0, 0)


def filter_program(machine: str) -> list[tuple[int, int, int, int]]:
    """The filter for the kernel: (code, jump if true, jump if false, operand)."""
    column, architecture = _MACHINES[machine]
    clone, socket = (_CALLS[name][column] for name in ("clone", "socket"))
    program = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL),
               (_LOAD, 0, 0, _NUMBER)]
    if machine == "x86_64":
        program += [(_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _ERROR | _EPERM)]    # the numbers of x32
    for calls, error in ((_REFUSED, _EPERM), (_UNKNOWN, _ENOSYS)):
        for number in (numbers[column] for numbers in calls.values()):
            if number is not None:
                program += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERROR | error)]
    program += [(_EQUAL, 0, 3, clone), (_LOAD, 0, 0, _FIRST_ARGUMENT), (_ANY_OF, 0, 1, _NEW_NAMESPACES),
                (_RETURN, 0, 0, _ERROR | _EPERM), (_LOAD, 0, 0, _NUMBER)]
    program += [(_EQUAL, 0, 2 + len(_FAMILIES), socket), (_LOAD, 0, 0, _FIRST_ARGUMENT)]
    program += [(_EQUAL, len(_FAMILIES) - n, 0, family) for n, family in enumerate(_FAMILIES)]
    return [*program, (_RETURN, 0, 0, _ERROR | _EAFNOSUPPORT), (_RETURN, 0, 0, _ALLOW)]
