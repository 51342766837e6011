package dev.starling.runtime;

import dev.starling.runtime.launch.TreeDeletion;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The named volumes of a runtime's directory for those who look at them and remove them; containers get theirs by {@link Volumes}. A volume is
 * its directory: there is no list beside it that could say otherwise. Who uses one, the containers know; ask them before {@link #remove}.
 */
public final class NamedVolumes {
    /** No name of a volume begins so. */
    private static final String REMOVED = ".removed-";

    private final Path directory;

    /** @param data where the volume's files are */
    public record Volume(String name, Path data, Instant created) {}

    /** @param directory of the runtime */
    public NamedVolumes(Path directory) {
        this.directory = Volumes.below(directory.toAbsolutePath());
    }

    /** By name. */
    public List<Volume> list() {
        List<Volume> volumes = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
            for (Path entry : entries) {
                Volume volume = find(entry.getFileName().toString());
                if (volume != null) volumes.add(volume);
            }
        } catch (NoSuchFileException none) {
            return List.of();
        } catch (IOException e) {
            throw RuntimeShimException.system("list " + directory + ": " + e, e);
        }
        volumes.sort(Comparator.comparing(Volume::name));
        return volumes;
    }

    /** Null where there is none. */
    public Volume find(String name) {
        Path data = directory.resolve(name).resolve("_data");
        if (!Volumes.isName(name) || !Files.isDirectory(data)) return null;
        try {
            return new Volume(name, data, Files.getLastModifiedTime(data.getParent()).toInstant());
        } catch (NoSuchFileException gone) {
            return null;
        } catch (IOException e) {
            throw RuntimeShimException.system("look at volume " + data + ": " + e, e);
        }
    }

    /** There already: that one. */
    public Volume create(String name) {
        Volumes.make(directory, name);
        return find(name);
    }

    /** With all its files. It leaves its place first, so that half a volume is never in it. */
    public void remove(String name) {
        Volume volume = find(name);
        if (volume == null) throw RuntimeShimException.notFound("get " + name + ": no such volume");
        Path removed = directory.resolve(REMOVED + name);
        try {
            deleteIfThere(removed); // what an interrupted removal left
            Files.move(directory.resolve(name), removed, StandardCopyOption.ATOMIC_MOVE);
            TreeDeletion.delete(removed);
        } catch (FileAlreadyExistsException twice) {
            throw RuntimeShimException.conflict("volume " + name + " is being removed");
        } catch (IOException e) {
            throw RuntimeShimException.system("remove volume " + volume.data() + ": " + e, e);
        }
    }

    private static void deleteIfThere(Path path) throws IOException {
        if (Files.exists(path)) TreeDeletion.delete(path);
    }

    /** Of its files. */
    public long bytes(Volume volume) {
        return DiskUsage.below(volume.data());
    }
}
