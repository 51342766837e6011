package dev.starling.runtime.cgroup;

import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Flags;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SystemCall;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import jnr.ffi.Pointer;

/**
 * Docker's device rules for control groups version 2, which has no device files: an eBPF program of type CGROUP_DEVICE, attached to the group.
 * It is gone with the group. Source: include/uapi/linux/bpf.h, {@code struct bpf_cgroup_dev_ctx}.
 */
final class DeviceRules {
    private static final int BPF_PROG_LOAD = 5;
    private static final int BPF_PROG_ATTACH = 8;
    private static final int PROG_TYPE_CGROUP_DEVICE = 15;
    private static final int ATTACH_TYPE_CGROUP_DEVICE = 6;
    private static final int ALLOW_MULTI = 2;
    private static final int ATTRIBUTE_SIZE = 128;

    private static final int LOAD_WORD = 0x61;
    private static final int MOVE = 0xbf;
    private static final int MOVE_IMMEDIATE = 0xb7;
    private static final int AND_IMMEDIATE = 0x57;
    private static final int SHIFT_RIGHT_IMMEDIATE = 0x77;
    private static final int JUMP_IF_EQUAL = 0x15;
    private static final int JUMP_IF_NOT_EQUAL = 0x55;
    private static final int EXIT = 0x95;

    private static final int ACCESS_MKNOD = 1;
    private static final int ACCESS_READ = 2;
    private static final int ACCESS_WRITE = 4;
    private static final int TYPE_BLOCK = 1;
    private static final int TYPE_CHARACTER = 2;
    private static final int UNIX98_PTY_MAJOR = 136;
    /** null, zero, full, random, urandom, tty, ptmx */
    private static final int[][] ALLOWED = {{1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}, {5, 2}};

    private static final int FIXED_INSTRUCTIONS = 64;
    private static final int INSTRUCTIONS_PER_RULE = 8;

    private final ByteBuffer code;

    private DeviceRules(int instructions) {
        this.code = ByteBuffer.allocate(8 * instructions).order(ByteOrder.nativeOrder());
    }

    /** @param further devices besides those that all containers have */
    static void attach(Kernel kernel, String group, List<DeviceRule> further) {
        try (Descriptor program = load(kernel, program(further)); Descriptor directory = kernel.open(group, Flags.O_RDONLY | kernel.architecture().openDirectory())) {
            Pointer attributes = kernel.memory(ATTRIBUTE_SIZE);
            attributes.putInt(0, directory.number());
            attributes.putInt(4, program.number());
            attributes.putInt(8, ATTACH_TYPE_CGROUP_DEVICE);
            attributes.putInt(12, ALLOW_MULTI);
            kernel.checkedCall("attach device rules to " + group, SystemCall.BPF, BPF_PROG_ATTACH, attributes, ATTRIBUTE_SIZE, 0, 0);
        }
    }

    private static Descriptor load(Kernel kernel, byte[] program) {
        Pointer code = kernel.memory(program.length);
        code.put(0, program, 0, program.length);
        Pointer license = kernel.string("Dual MIT/GPL");
        Pointer attributes = kernel.memory(ATTRIBUTE_SIZE);
        attributes.putInt(0, PROG_TYPE_CGROUP_DEVICE);
        attributes.putInt(4, program.length / 8);
        attributes.putLong(8, code.address());
        attributes.putLong(16, license.address());
        attributes.putInt(68, ATTACH_TYPE_CGROUP_DEVICE);
        int fd = (int) kernel.checkedCall("load device rules", SystemCall.BPF, BPF_PROG_LOAD, attributes, ATTRIBUTE_SIZE, 0, 0);
        java.lang.ref.Reference.reachabilityFence(code);
        java.lang.ref.Reference.reachabilityFence(license);
        return new Descriptor(kernel, fd);
    }

    /** r2 = type, r3 = access, r4 = major, r5 = minor; returns 1 to allow. */
    static byte[] program(List<DeviceRule> further) {
        DeviceRules rules = new DeviceRules(FIXED_INSTRUCTIONS + INSTRUCTIONS_PER_RULE * further.size());
        rules.instruction(LOAD_WORD, 2, 1, 0, 0);
        rules.instruction(MOVE, 3, 2, 0, 0);
        rules.instruction(AND_IMMEDIATE, 2, 0, 0, 0xffff);
        rules.instruction(SHIFT_RIGHT_IMMEDIATE, 3, 0, 0, 16);
        rules.instruction(LOAD_WORD, 4, 1, 4, 0);
        rules.instruction(LOAD_WORD, 5, 1, 8, 0);
        rules.instruction(JUMP_IF_NOT_EQUAL, 3, 0, 2, ACCESS_MKNOD);
        rules.result(1);
        further.forEach(rules::rule);
        rules.instruction(JUMP_IF_EQUAL, 2, 0, 2, TYPE_CHARACTER);
        rules.result(0);
        rules.instruction(JUMP_IF_NOT_EQUAL, 4, 0, 2, UNIX98_PTY_MAJOR);
        rules.result(1);
        for (int[] device : ALLOWED) {
            rules.instruction(JUMP_IF_NOT_EQUAL, 4, 0, 3, device[0]);
            rules.instruction(JUMP_IF_NOT_EQUAL, 5, 0, 2, device[1]);
            rules.result(1);
        }
        rules.result(0);
        return java.util.Arrays.copyOf(rules.code.array(), rules.code.position());
    }

    /** Goes on behind it where the type, a number, or one kind of the access does not fit. */
    private void rule(DeviceRule rule) {
        instruction(JUMP_IF_NOT_EQUAL, 2, 0, 7, rule.type() == 'b' ? TYPE_BLOCK : TYPE_CHARACTER);
        instruction(JUMP_IF_NOT_EQUAL, 4, 0, 6, rule.major());
        instruction(JUMP_IF_NOT_EQUAL, 5, 0, 5, rule.minor());
        instruction(MOVE, 6, 3, 0, 0);
        instruction(AND_IMMEDIATE, 6, 0, 0, ~accessBits(rule.access()));
        instruction(JUMP_IF_NOT_EQUAL, 6, 0, 2, 0);
        result(1);
    }

    private static int accessBits(String access) {
        int bits = 0;
        if (access.contains("r")) {
            bits |= ACCESS_READ;
        }
        if (access.contains("w")) {
            bits |= ACCESS_WRITE;
        }
        if (access.contains("m")) {
            bits |= ACCESS_MKNOD;
        }
        return bits;
    }

    private void result(int value) {
        instruction(MOVE_IMMEDIATE, 0, 0, 0, value);
        instruction(EXIT, 0, 0, 0, 0);
    }

    private void instruction(int operation, int target, int source, int offset, int immediate) {
        code.put((byte) operation).put((byte) (target | source << 4)).putShort((short) offset).putInt(immediate);
    }
}
