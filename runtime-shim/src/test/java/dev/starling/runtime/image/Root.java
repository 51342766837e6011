package dev.starling.runtime.image;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import jnr.ffi.LibraryLoader;
import jnr.ffi.annotations.Out;
import jnr.ffi.types.size_t;
import jnr.ffi.types.ssize_t;

/** What tests need to look at as root. */
final class Root {
    private static final LibC LIBC = LibraryLoader.create(LibC.class).load("c");

    private Root() {}

    public interface LibC {
        @ssize_t
        long lgetxattr(String path, String name, @Out byte[] value, @size_t long size);
    }

    static void required() throws Exception {
        boolean root = Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
        assumeTrue(root, "unpacking makes device nodes and sets owners: needs root");
    }

    /** Null where there is none. */
    static byte[] attribute(Path path, String name) {
        byte[] value = new byte[256];
        long size = LIBC.lgetxattr(path.toString(), name, value, value.length);
        return size < 0 ? null : Arrays.copyOf(value, (int) size);
    }

    static boolean isOpaque(Path directory) {
        byte[] value = attribute(directory, "trusted.overlay.opaque");
        return value != null && new String(value, StandardCharsets.US_ASCII).equals("y");
    }

    static Object unix(Path path, String attribute) throws Exception {
        return Files.getAttribute(path, "unix:" + attribute, java.nio.file.LinkOption.NOFOLLOW_LINKS);
    }
}
