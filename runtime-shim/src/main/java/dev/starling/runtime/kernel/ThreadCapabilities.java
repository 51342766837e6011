package dev.starling.runtime.kernel;

import jnr.ffi.Pointer;

/**
 * The capabilities of the calling thread, by the raw calls: the C library has none for them, and what a process has is what its threads have.
 *
 * <pre>
 * struct { u32 version; int pid; } header; struct { u32 effective, permitted, inheritable; } data[2];   // linux/capability.h
 * </pre>
 */
public final class ThreadCapabilities {
    private static final int VERSION_3 = 0x20080522;
    private static final int DATA_BYTES = 24;
    private static final int HALF = 12;
    private static final int PERMITTED = 4;

    private ThreadCapabilities() {}

    /** Effective and permitted; none is inheritable. */
    public static void set(Kernel kernel, long capabilities) {
        Pointer data = kernel.memory(DATA_BYTES);
        for (int half = 0; half < 2; half++) {
            int bits = (int) (capabilities >>> 32 * half);
            data.putInt((long) HALF * half, bits);
            data.putInt((long) HALF * half + PERMITTED, bits);
        }
        kernel.checkedCall("", SystemCall.CAPSET, header(kernel), data, 0, 0, 0);
    }

    /** Makes effective what is permitted. */
    public static void raiseToPermitted(Kernel kernel) {
        Pointer data = kernel.memory(DATA_BYTES);
        kernel.checkedCall("", SystemCall.CAPGET, header(kernel), data, 0, 0, 0);
        for (int half = 0; half < 2; half++) {
            data.putInt((long) HALF * half, data.getInt((long) HALF * half + PERMITTED));
        }
        kernel.checkedCall("", SystemCall.CAPSET, header(kernel), data, 0, 0, 0);
    }

    private static Pointer header(Kernel kernel) {
        Pointer header = kernel.memory(8);
        header.putInt(0, VERSION_3);
        return header;
    }
}
