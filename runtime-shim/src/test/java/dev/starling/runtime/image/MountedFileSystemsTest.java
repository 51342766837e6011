package dev.starling.runtime.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.Archives.Layout;
import dev.starling.runtime.image.Archives.Tar;
import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against the kernel's file systems: what was unpacked, mounted as a container's root would be; and a disk that is full. */
class MountedFileSystemsTest {
    @TempDir
    Path directory;

    @BeforeEach
    void root() throws Exception {
        Root.required();
    }

    private static void needsOverlay() throws Exception {
        assumeTrue(Files.readString(Path.of("/proc/filesystems")).contains("overlay"), "the kernel has no overlayfs (modprobe overlay)");
    }

    private static String run(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes());
        return process.waitFor() == 0 ? "" : output;
    }

    @Test
    void upperLayersHideAndReplaceLowerOnes() throws Exception {
        needsOverlay();
        byte[] base = new Tar().file("etc/gone", "1").file("etc/stays", "2").file("var/a", "3").file("var/deep/b", "4").file("dir/old", "5").file("both", "6")
                .toBytes();
        byte[] middle = new Tar().file("etc/.wh.gone", "").directory("var").file("var/.wh..wh..opq", "").file("var/new", "7")
                .file(".wh.dir", "").directory("dir").file("dir/new", "8").file("both", "9").toBytes();
        byte[] top = new Tar().file("etc/gone2", "10").file(".wh.both", "").toBytes();
        LocalImageStore store = new LocalImageStore(directory.resolve("store"));
        store.load(new ByteArrayInputStream(Archives.dockerSave("stack", base, middle, top)));
        List<String> uppermostFirst = new ArrayList<>(store.layerDirectories(store.find("stack")).stream().map(Path::toString).toList());
        Collections.reverse(uppermostFirst);
        Path mount = Files.createDirectory(directory.resolve("mount"));
        String failure = run("/bin/mount", "-t", "overlay", "overlay", "-o", "lowerdir=" + String.join(":", uppermostFirst), mount.toString());
        assertEquals("", failure);
        try (Stream<Path> files = Files.walk(mount)) {
            TreeSet<String> seen = files.filter(Files::isRegularFile).map(path -> mount.relativize(path).toString())
                    .collect(Collectors.toCollection(TreeSet::new));
            assertEquals(new TreeSet<>(List.of("etc/stays", "etc/gone2", "var/new", "dir/new")), seen);
            assertFalse(Files.exists(mount.resolve("both")));
            assertTrue(Files.exists(mount.resolve("etc")));
        } finally {
            assertEquals("", run("/bin/umount", mount.toString()));
        }
    }

    @Test
    void aFullDiskIsSaidAndLeavesNothing() throws Exception {
        Path mount = Files.createDirectory(directory.resolve("small"));
        assertEquals("", run("/bin/mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", mount.toString()));
        try {
            LocalImageStore store = new LocalImageStore(mount);
            byte[] layer = new Tar().file("zeros", new byte[4 << 20]).toBytes();
            Layout layout = new Layout();
            byte[] archive = layout.archive(layout.image(MachinePlatform.current().architecture(), "", layer, Archives.gzip(layer), Archives.named("big")));
            RuntimeShimException unpacking = assertThrows(RuntimeShimException.class, () -> store.load(new ByteArrayInputStream(archive)));
            assertEquals(RuntimeShimException.Kind.SYSTEM, unpacking.kind());
            assertEquals(28, unpacking.errno(), unpacking.getMessage());
            byte[] plain = ImageBuilder.image("big").file("zeros", 0644, new byte[4 << 20]).toBytes();
            RuntimeShimException spooling = assertThrows(RuntimeShimException.class, () -> store.load(new ByteArrayInputStream(plain)));
            assertEquals(RuntimeShimException.Kind.SYSTEM, spooling.kind(), spooling.getMessage());
            store.load(new ByteArrayInputStream(ImageBuilder.image("small").text("a", "fits").toBytes()));
            assertEquals(1, store.list().size());
            try (Stream<Path> left = Files.list(mount.resolve("tmp"))) {
                assertEquals(0, left.count());
            }
        } finally {
            assertEquals("", run("/bin/umount", mount.toString()));
        }
    }
}
