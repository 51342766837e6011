package dev.starling.runtime.kernel;

import java.util.Locale;

/**
 * The machine's processor family: system call numbers, flags and layouts that differ between them. Numbers from 424 on are common, see
 * {@link SystemCall}. Source: the kernel's uapi headers.
 */
public enum Architecture {
    X86_64(0xC000003E, 12, 4, 0200000, 0400000),
    ARM64(0xC00000B7, 16, 8, 040000, 0100000),
    /** 32 bit, EABI. */
    ARM(0x40000028, 16, 8, 040000, 0100000);

    private final int audit;
    private final int epollEventSize;
    private final int epollDataOffset;
    private final int openDirectory;
    private final int openNoFollow;

    Architecture(int audit, int epollEventSize, int epollDataOffset, int openDirectory, int openNoFollow) {
        this.audit = audit;
        this.epollEventSize = epollEventSize;
        this.epollDataOffset = epollDataOffset;
        this.openDirectory = openDirectory;
        this.openNoFollow = openNoFollow;
    }

    /** Of the JVM that runs this: a 32-bit JVM on a 64-bit ARM kernel is ARM. */
    public static Architecture current() {
        String name = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
        return switch (name) {
            case "amd64", "x86_64" -> X86_64;
            case "aarch64" -> ARM64;
            case "arm" -> ARM;
            default -> throw dev.starling.runtime.RuntimeShimException.unsupported(
                    "containers on a processor of type \"" + name + "\": only x86_64, arm64 and arm are known");
        };
    }

    /** {@code AUDIT_ARCH_*}: what a seccomp filter sees. */
    public int audit() {
        return audit;
    }

    /** {@code struct epoll_event} is packed on x86 only. */
    public int epollEventSize() {
        return epollEventSize;
    }

    public int epollDataOffset() {
        return epollDataOffset;
    }

    /** {@code O_DIRECTORY} */
    public int openDirectory() {
        return openDirectory;
    }

    /** {@code O_NOFOLLOW} */
    public int openNoFollow() {
        return openNoFollow;
    }
}
