package dev.starling.runtime.launch;

import dev.starling.runtime.ContainerFile;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.ContainerSpec.Filesystem;
import dev.starling.runtime.Mount;
import dev.starling.runtime.ProcessSpec;
import dev.starling.runtime.kernel.Architecture;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;

/**
 * The root file system of a throw-away container, run once before all others: it loads every class that a start needs, so that none is
 * looked up later by a thread whose root directory is an image (see {@link InsideThread}). It also finds out early, and with a clear
 * error, that this machine cannot run containers.
 *
 * <p>Its one program is made here: a static ELF file whose only act is {@code exit(0)}.
 */
public final class WarmUp {
    public static final String ID = "0".repeat(64);
    public static final String PROGRAM = "/exit";
    public static final List<ContainerFile> FILES = List.of(new ContainerFile("/run/secrets/warm", new byte[] {1}, 0, 0, 0444));

    private static final int ELF64_HEADERS = 64 + 56;
    private static final int ELF32_HEADERS = 52 + 32;
    private static final long LOAD_ADDRESS = 0x10000; // page-aligned also with 64 KiB pages

    private WarmUp() {}

    public static ContainerSpec spec(String program) {
        ProcessSpec process = ProcessSpec.INHERIT.withEntrypoint(List.of(program)).withEnv(List.of("WARM=1")).withWorkingDirectory("/work")
                .withUser("root", List.of("users"));
        Mount temporary = new Mount(Mount.Type.TMPFS, "", "/tmp", false).withTmpfs(1 << 20, 0700);
        return ContainerSpec.of(ID, "warm-up", "").withProcess(process).withFilesystem(new Filesystem(false, List.of(temporary)));
    }

    /** @param directory an empty layer */
    public static void writeLayer(Path directory, Architecture architecture) throws IOException {
        Path program = directory.resolve(PROGRAM.substring(1));
        Files.write(program, program(architecture));
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
        Files.createDirectory(directory.resolve("etc"));
        Files.writeString(directory.resolve("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
        Files.writeString(directory.resolve("etc/group"), "root:x:0:\nusers:x:100:root,other\n");
    }

    static byte[] program(Architecture architecture) {
        return switch (architecture) {
            // xor edi,edi; mov eax,60; syscall
            case X86_64 -> elf64(62, new byte[] {0x31, (byte) 0xff, (byte) 0xb8, 60, 0, 0, 0, 0x0f, 0x05});
            // mov x0,#0; mov x8,#93; svc #0
            case ARM64 -> elf64(183, words(0xd2800000, 0xd2800ba8, 0xd4000001));
            // mov r0,#0; mov r7,#1; svc #0
            case ARM -> elf32(words(0xe3a00000, 0xe3a07001, 0xef000000));
        };
    }

    private static byte[] words(int... instructions) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * instructions.length).order(ByteOrder.LITTLE_ENDIAN);
        for (int instruction : instructions) {
            bytes.putInt(instruction);
        }
        return bytes.array();
    }

    private static ByteBuffer identification(int size, int wordClass) {
        ByteBuffer elf = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        elf.put((byte) 0x7f).put((byte) 'E').put((byte) 'L').put((byte) 'F').put((byte) wordClass).put((byte) 1).put((byte) 1);
        return elf.position(16);
    }

    private static byte[] elf64(int machine, byte[] code) {
        int size = ELF64_HEADERS + code.length;
        ByteBuffer elf = identification(size, 2);
        elf.putShort((short) 2).putShort((short) machine).putInt(1).putLong(LOAD_ADDRESS + ELF64_HEADERS).putLong(64).putLong(0).putInt(0);
        elf.putShort((short) 64).putShort((short) 56).putShort((short) 1).putShort((short) 64).putShort((short) 0).putShort((short) 0);
        elf.putInt(1).putInt(5).putLong(0).putLong(LOAD_ADDRESS).putLong(LOAD_ADDRESS).putLong(size).putLong(size).putLong(LOAD_ADDRESS);
        return elf.put(code).array();
    }

    private static byte[] elf32(byte[] code) {
        int size = ELF32_HEADERS + code.length;
        ByteBuffer elf = identification(size, 1);
        int eabi5 = 0x05000000;
        elf.putShort((short) 2).putShort((short) 40).putInt(1).putInt((int) LOAD_ADDRESS + ELF32_HEADERS).putInt(52).putInt(0).putInt(eabi5);
        elf.putShort((short) 52).putShort((short) 32).putShort((short) 1).putShort((short) 40).putShort((short) 0).putShort((short) 0);
        elf.putInt(1).putInt(0).putInt((int) LOAD_ADDRESS).putInt((int) LOAD_ADDRESS).putInt(size).putInt(size).putInt(5).putInt((int) LOAD_ADDRESS);
        return elf.put(code).array();
    }
}
