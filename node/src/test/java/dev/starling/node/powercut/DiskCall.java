package dev.starling.node.powercut;

/** What a process asked the kernel to do with files below one directory, in order. Paths are relative to that directory. */
public sealed interface DiskCall {
    record MakeDirectory(String path) implements DiskCall {}

    record Open(int file, String path, boolean creates, boolean truncates) implements DiskCall {}

    /** @param offset -1 for where the file stands */
    record Write(int file, long offset, byte[] bytes) implements DiskCall {}

    record Seek(int file, long offset) implements DiskCall {}

    record Truncate(int file, long length) implements DiskCall {}

    record Sync(int file) implements DiskCall {}

    record Rename(String from, String to) implements DiskCall {}

    record Unlink(String path) implements DiskCall {}
}
