//! The calls into the C library that have no safe form: reviewed, and the only place where `unsafe` may stand.

use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use rustix::process::{DumpableBehavior, Pid, Resource};

/// A program about to be started, with everything it will find.
pub(crate) struct Program<'a> {
    /// What it is called with; the first is the absolute path of the program.
    pub(crate) argv: &'a [CString],
    /// Its whole environment, as `NAME=value`.
    pub(crate) env: &'a [CString],
    /// Where it starts, absolute.
    pub(crate) dir: &'a CStr,
    /// Its descriptors 0, 1 and 2; it has no others.
    pub(crate) stdio: [BorrowedFd<'a>; 3],
}

/// Starts a program as the leader of a session of its own, with every signal unblocked and at its default.
///
/// Returns when the program has replaced the child's image, so an error is the program's own (`ENOENT`, `EACCES`,
/// `E2BIG`, ...). Every descriptor of the caller has to be close-on-exec.
#[expect(unsafe_code, reason = "posix_spawn has no safe form that knows sessions")]
pub(crate) fn spawn(program: &Program) -> io::Result<Pid> {
    let (mut attributes, mut actions) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    let attributes = Attributes::new_session(&mut attributes)?;
    let mut actions = Actions::empty(&mut actions)?;
    actions.start_in(program.dir)?;
    for (target, source) in (0..).zip(program.stdio) {
        actions.dup2(source, target)?;
    }
    let (argv, env) = (pointers(program.argv), pointers(program.env));
    let mut pid = 0;
    // SAFETY: attributes and actions are initialised, argv and env end in a null pointer and hold pointers to C strings
    // that outlive the call, and the file is the first of them: pointers() of an empty list is refused below.
    check(unsafe {
        let Some(file) = program.argv.first() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        libc::posix_spawn(&raw mut pid, file.as_ptr(), actions.0, attributes.0, argv.as_ptr(), env.as_ptr())
    })?;
    Pid::from_raw(pid).ok_or_else(|| io::ErrorKind::Other.into())
}

/// Keeps what is in this process's memory out of core dumps and from other processes of the same user. What it starts
/// dumps no core either: it may have been given a secret.
pub(crate) fn keep_memory_private() {
    let none = rustix::process::Rlimit { current: Some(0), ..rustix::process::getrlimit(Resource::Core) };
    // Neither can fail for a process that only gives up something of its own.
    let _limited = rustix::process::setrlimit(Resource::Core, none);
    let _private = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

fn pointers(strings: &[CString]) -> Vec<*mut libc::c_char> {
    strings.iter().map(|string| string.as_ptr().cast_mut()).chain([ptr::null_mut()]).collect()
}

/// Turns the error number that the `posix_spawn` family returns into an error.
fn check(errno: libc::c_int) -> io::Result<()> {
    if errno == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(errno)) }
}

/// Initialised spawn attributes; borrowed, because C does not promise that they may move.
struct Attributes<'a>(&'a mut libc::posix_spawnattr_t);

impl<'a> Attributes<'a> {
    #[expect(unsafe_code, reason = "posix_spawn has no safe form that knows sessions")]
    fn new_session(slot: &'a mut MaybeUninit<libc::posix_spawnattr_t>) -> io::Result<Self> {
        let flags = libc::POSIX_SPAWN_SETSID
            | libc::c_short::try_from(libc::POSIX_SPAWN_SETSIGDEF | libc::POSIX_SPAWN_SETSIGMASK)
                .expect("the flags are small numbers");
        // SAFETY: init makes the slot valid, or fails and nothing reads it.
        let attributes = unsafe {
            check(libc::posix_spawnattr_init(slot.as_mut_ptr()))?;
            Self(slot.assume_init_mut())
        };
        let (none, all) = (no_signals(), all_signals());
        // SAFETY: the attributes are initialised and the sets outlive the calls, which copy them.
        unsafe {
            check(libc::posix_spawnattr_setflags(attributes.0, flags))?;
            check(libc::posix_spawnattr_setsigmask(attributes.0, &raw const none))?;
            check(libc::posix_spawnattr_setsigdefault(attributes.0, &raw const all))?;
        }
        Ok(attributes)
    }
}

impl Drop for Attributes<'_> {
    #[expect(unsafe_code, reason = "posix_spawn has no safe form that knows sessions")]
    fn drop(&mut self) {
        // SAFETY: initialised by `new_session`, destroyed only here.
        unsafe { libc::posix_spawnattr_destroy(self.0) };
    }
}

/// What the child does before the program replaces it; borrowed for the same reason as the attributes.
struct Actions<'a>(&'a mut libc::posix_spawn_file_actions_t);

impl<'a> Actions<'a> {
    #[expect(unsafe_code, reason = "posix_spawn has no safe form that knows sessions")]
    fn empty(slot: &'a mut MaybeUninit<libc::posix_spawn_file_actions_t>) -> io::Result<Self> {
        // SAFETY: init makes the slot valid, or fails and nothing reads it.
        unsafe {
            check(libc::posix_spawn_file_actions_init(slot.as_mut_ptr()))?;
            Ok(Self(slot.assume_init_mut()))
        }
    }

    #[expect(unsafe_code, reason = "posix_spawn has no safe form that knows sessions")]
    fn start_in(&mut self, dir: &CStr) -> io::Result<()> {
        // SAFETY: the actions are initialised; the call copies the path.
        check(unsafe { libc::posix_spawn_file_actions_addchdir_np(self.0, dir.as_ptr()) })
    }

    #[expect(unsafe_code, reason = "posix_spawn has no safe form that knows sessions")]
    fn dup2(&mut self, source: BorrowedFd, target: libc::c_int) -> io::Result<()> {
        // SAFETY: the actions are initialised; the descriptor is open until after the spawn (it is borrowed by Program).
        check(unsafe { libc::posix_spawn_file_actions_adddup2(self.0, source.as_raw_fd(), target) })
    }
}

impl Drop for Actions<'_> {
    #[expect(unsafe_code, reason = "posix_spawn has no safe form that knows sessions")]
    fn drop(&mut self) {
        // SAFETY: initialised by `empty`, destroyed only here.
        unsafe { libc::posix_spawn_file_actions_destroy(self.0) };
    }
}

#[expect(unsafe_code, reason = "signal sets are made by the C library")]
fn no_signals() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset makes the set valid and cannot fail on a valid pointer.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}

#[expect(unsafe_code, reason = "signal sets are made by the C library")]
fn all_signals() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigfillset makes the set valid and cannot fail on a valid pointer.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        set.assume_init()
    }
}

/// Blocks every signal of this single-threaded process and returns a non-blocking descriptor that is readable when a
/// child has ended.
#[expect(unsafe_code, reason = "signal masks and signalfd have no safe form")]
pub(crate) fn block_signals() -> io::Result<OwnedFd> {
    let (all, mut child) = (all_signals(), no_signals());
    // SAFETY: the sets are initialised; signalfd returns a descriptor that nobody else owns.
    unsafe {
        check(libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, ptr::null_mut()))?;
        libc::sigaddset(&raw mut child, libc::SIGCHLD);
        match libc::signalfd(-1, &raw const child, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) {
            -1 => Err(io::Error::last_os_error()),
            fd => Ok(OwnedFd::from_raw_fd(fd)),
        }
    }
}

/// Closes every descriptor above 2 that this process was started with.
///
/// To be called before the process opens anything: a descriptor that is owned by then would be closed under its owner.
#[expect(unsafe_code, reason = "closes descriptors that nobody in this process owns")]
pub(crate) fn close_inherited() {
    // SAFETY: the caller has opened nothing yet. An error (a kernel before 5.9) leaves the descriptors as they were.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
}

/// Keeps every descriptor above 2 that this process was started with from the programs that it starts.
///
/// They stay open here: a file may have been named as `/dev/fd/63`.
#[expect(unsafe_code, reason = "marks descriptors that nobody in this process owns")]
pub fn seal_inherited() {
    // SAFETY: only the mark of descriptors is changed. An error (a kernel before 5.11) leaves them as they were.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
}
