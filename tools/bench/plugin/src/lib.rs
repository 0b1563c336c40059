// SPDX-License-Identifier: GPL-2.0

//! A QEMU plugin: how often each block of the guest kernel's code runs, between two marks that a program in
//! the guest sets.
//!
//! The marks are no-operations with a displacement that nobody else uses, so that the program does nothing
//! special where this plugin is not. Where QEMU translates a block of kernel code, a counter is added to it;
//! the first mark clears the counters, the second writes those that are not zero to a file, as lines of
//! `ADDRESS INSTRUCTIONS TIMES`, the first two of a block. All user code has one counter, at address 0.
//!
//! Nobody packages the plugin interface's header, so what is used of it is declared here. Functions of the
//! standard library are those of the C library that QEMU has loaded: a plugin that is built with a newer one
//! than the host's still loads.

#![no_std]

use core::ffi::{c_char, c_int, c_void, CStr};
use core::ptr::{null_mut, slice_from_raw_parts_mut};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering::Relaxed};

/// The interface of QEMU 10.0 (`QEMU_PLUGIN_VERSION`).
#[no_mangle]
pub static qemu_plugin_version: c_int = 4;

/// Blocks that can be counted. QEMU translates some hundred thousand in a boot.
const SLOTS: usize = 1 << 22;
const KERNEL: u64 = 0xffff_8000_0000_0000;

/// `nopl MARK(%rax,%rax,1)`; the displacement says which.
const MARK_LEN: usize = 8;
const BEGIN: [u8; MARK_LEN] = *b"\x0f\x1f\x84\x00OXb\x01";
const END: [u8; MARK_LEN] = *b"\x0f\x1f\x84\x00OXe\x01";

type Id = u64;
type TranslateCallback = extern "C" fn(Id, *mut c_void);
type ExecuteCallback = extern "C" fn(u32, *mut c_void);

/// `qemu_plugin_u64`: a number of each processor's.
#[repr(C)]
#[derive(Clone, Copy)]
struct Counter {
    score: *mut c_void,
    offset: usize,
}

extern "C" {
    fn qemu_plugin_register_vcpu_tb_trans_cb(id: Id, callback: TranslateCallback);
    fn qemu_plugin_tb_n_insns(block: *const c_void) -> usize;
    fn qemu_plugin_tb_vaddr(block: *const c_void) -> u64;
    fn qemu_plugin_tb_get_insn(block: *const c_void, at: usize) -> *mut c_void;
    fn qemu_plugin_insn_data(insn: *const c_void, to: *mut c_void, len: usize) -> usize;
    fn qemu_plugin_insn_size(insn: *const c_void) -> usize;
    fn qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(
        block: *mut c_void,
        operation: c_int,
        counter: Counter,
        value: u64,
    );
    fn qemu_plugin_register_vcpu_insn_exec_cb(
        insn: *mut c_void,
        callback: ExecuteCallback,
        flags: c_int,
        data: *mut c_void,
    );
    fn qemu_plugin_scoreboard_new(size: usize) -> *mut c_void;
    fn qemu_plugin_scoreboard_find(score: *mut c_void, processor: u32) -> *mut c_void;

    fn calloc(count: usize, size: usize) -> *mut c_void;
    fn creat(path: *const c_char, mode: u32) -> c_int;
    fn write(fd: c_int, from: *const c_void, len: usize) -> isize;
    fn close(fd: c_int) -> c_int;
    fn abort() -> !;
}

/// A counted block.
#[repr(C)]
#[derive(Clone, Copy)]
struct Block {
    address: u64,
    insns: u64,
}

static SCORE: AtomicPtr<c_void> = AtomicPtr::new(null_mut());
static BLOCKS: AtomicPtr<Block> = AtomicPtr::new(null_mut());
/// Slots in use; the first is that of user code.
static USED: AtomicUsize = AtomicUsize::new(1);
/// Files written so far, and the start of their names.
static FILES: AtomicU32 = AtomicU32::new(0);
static PREFIX: AtomicPtr<c_char> = AtomicPtr::new(null_mut());

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: it can be called at any time.
    unsafe { abort() }
}

/// The ready-made core library was compiled for programs that unwind, and names this.
#[no_mangle]
pub extern "C" fn rust_eh_personality() {}

/// QEMU calls this when it loads the plugin. The one argument is `out=PREFIX`.
///
/// # Safety
///
/// As QEMU calls it: `argc` strings at `argv`, which stay.
#[no_mangle]
pub unsafe extern "C" fn qemu_plugin_install(
    id: Id,
    _info: *const c_void,
    argc: c_int,
    argv: *mut *mut c_char,
) -> c_int {
    if argc != 1 {
        return -1;
    }
    // SAFETY: there is one argument.
    let argument = unsafe { CStr::from_ptr(*argv) };
    let Some(prefix) = argument.to_bytes_with_nul().strip_prefix(b"out=") else {
        return -1;
    };
    // SAFETY: nothing is special about its arguments.
    let copy: *mut u8 = unsafe { calloc(prefix.len(), 1) }.cast();
    // SAFETY: the same.
    let blocks: *mut Block = unsafe { calloc(SLOTS, size_of::<Block>()) }.cast();
    if copy.is_null() || blocks.is_null() {
        return -1;
    }
    // SAFETY: QEMU frees its arguments after this; the copy has room for all of them.
    unsafe { copy.copy_from_nonoverlapping(prefix.as_ptr(), prefix.len()) };
    PREFIX.store(copy.cast(), Relaxed);
    BLOCKS.store(blocks, Relaxed);
    // SAFETY: plugins may make scoreboards from here on.
    SCORE.store(
        unsafe { qemu_plugin_scoreboard_new(SLOTS * size_of::<u64>()) },
        Relaxed,
    );
    // SAFETY: the identification is QEMU's own.
    unsafe { qemu_plugin_register_vcpu_tb_trans_cb(id, translate) };
    0
}

extern "C" fn translate(_id: Id, block: *mut c_void) {
    // SAFETY: QEMU lends the block for this call, and its instructions with it.
    unsafe {
        let insns = qemu_plugin_tb_n_insns(block);
        let address = qemu_plugin_tb_vaddr(block);
        let slot = if address < KERNEL {
            for at in 0..insns {
                mark(qemu_plugin_tb_get_insn(block, at));
            }
            0
        } else {
            USED.fetch_add(1, Relaxed)
        };
        if slot >= SLOTS {
            return;
        }
        *BLOCKS.load(Relaxed).add(slot) = if slot == 0 {
            Block {
                address: 0,
                insns: 1,
            }
        } else {
            Block {
                address,
                insns: insns as u64,
            }
        };
        let counter = Counter {
            score: SCORE.load(Relaxed),
            offset: slot * size_of::<u64>(),
        };
        let value = if slot == 0 { insns as u64 } else { 1 };
        // QEMU_PLUGIN_INLINE_ADD_U64
        qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(block, 0, counter, value);
    }
}

/// # Safety
///
/// The instruction is one of the block that is being translated.
unsafe fn mark(insn: *mut c_void) {
    let mut bytes = [0u8; MARK_LEN];
    // SAFETY: as promised; the buffer has that length.
    let callback: ExecuteCallback = unsafe {
        if qemu_plugin_insn_size(insn) != MARK_LEN
            || qemu_plugin_insn_data(insn, bytes.as_mut_ptr().cast(), MARK_LEN) != MARK_LEN
        {
            return;
        }
        match bytes {
            BEGIN => begin,
            END => end,
            _ => return,
        }
    };
    // QEMU_PLUGIN_CB_NO_REGS. SAFETY: as promised.
    unsafe { qemu_plugin_register_vcpu_insn_exec_cb(insn, callback, 0, null_mut()) };
}

fn counts(processor: u32) -> &'static mut [u64] {
    let used = USED.load(Relaxed).min(SLOTS);
    // SAFETY: the scoreboard has SLOTS numbers for each processor; only the processor that reached a mark
    // uses them now.
    unsafe {
        let all = qemu_plugin_scoreboard_find(SCORE.load(Relaxed), processor);
        &mut *slice_from_raw_parts_mut(all.cast(), used)
    }
}

extern "C" fn begin(processor: u32, _: *mut c_void) {
    counts(processor).fill(0);
}

/// Lines that go to a file in large pieces.
struct Lines {
    fd: c_int,
    buffer: [u8; 4096],
    len: usize,
}

impl Lines {
    fn flush(&mut self) {
        // SAFETY: that much of the buffer is filled. What cannot be written is missing in the file, whose
        // last line says how many there are.
        let _ = unsafe { write(self.fd, self.buffer.as_ptr().cast(), self.len) };
        self.len = 0;
    }

    fn number(&mut self, value: u64, end: u8) {
        if self.len + 32 > self.buffer.len() {
            self.flush();
        }
        let digits = (16 - value.leading_zeros() as usize / 4).max(1);
        for at in (0..digits).rev() {
            self.byte(b"0123456789abcdef"[(value >> (4 * at)) as usize & 15]);
        }
        self.byte(end);
    }

    fn byte(&mut self, byte: u8) {
        self.buffer[self.len] = byte;
        self.len += 1;
    }
}

extern "C" fn end(processor: u32, _: *mut c_void) {
    let number = FILES.fetch_add(1, Relaxed) + 1;
    let mut path = [0u8; 512];
    // SAFETY: it was made from a string.
    let prefix = unsafe { CStr::from_ptr(PREFIX.load(Relaxed)) }.to_bytes();
    if prefix.len() + 5 > path.len() {
        return;
    }
    path[..prefix.len()].copy_from_slice(prefix);
    for (at, scale) in [100, 10, 1].into_iter().enumerate() {
        path[prefix.len() + at] = b'0' + (number / scale % 10) as u8;
    }
    // SAFETY: the path ends with a zero.
    let fd = unsafe { creat(path.as_ptr().cast(), 0o644) };
    if fd < 0 {
        return;
    }
    let mut lines = Lines {
        fd,
        buffer: [0; 4096],
        len: 0,
    };
    let mut written = 0;
    for (slot, count) in counts(processor).iter().enumerate() {
        if *count != 0 {
            // SAFETY: there are as many blocks as counts.
            let block = unsafe { *BLOCKS.load(Relaxed).add(slot) };
            lines.number(block.address, b' ');
            lines.number(block.insns, b' ');
            lines.number(*count, b'\n');
            written += 1;
        }
    }
    // The last line has a single number.
    lines.number(written, b'\n');
    lines.flush();
    // SAFETY: it is open.
    unsafe { close(fd) };
}
