package dev.starling.runtime.volume;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.launch.TreeDeletion;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The named volumes below one directory. A volume is its directory: there is no list beside it that could say otherwise.
 *
 * <pre>
 *   NAME/_data         its files, or where its file system is mounted
 *   NAME/volume.json   its options and labels; not there where it has none
 *   .new-N             being made; .removed-NAME  being deleted
 * </pre>
 *
 * A volume with options comes to its place whole, by a rename, so that none is ever there without them. Knows nothing of mounts and users: that is {@link VolumesInUse}.
 */
final class VolumeStore {
    private static final Logger LOG = LoggerFactory.getLogger(VolumeStore.class);
    private static final ObjectMapper JSON = new ObjectMapper().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS);
    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9_.-]*");
    private static final String DATA = "_data";
    private static final String DESCRIPTION = "volume.json";
    /** No name of a volume begins so. */
    private static final String NEW = ".new-";
    private static final String REMOVED = ".removed-";

    private final Path directory;

    private record Description(Map<String, String> options, Map<String, String> labels) {
        static final Description NONE = new Description(Map.of(), Map.of());

        Description {
            options = options == null ? Map.of() : new TreeMap<>(options);
            labels = labels == null ? Map.of() : new TreeMap<>(labels);
        }
    }

    VolumeStore(Path directory) {
        this.directory = directory;
    }

    /** By name. One that cannot be read is left out, and logged. */
    List<Volume> list() {
        List<Volume> volumes = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
            for (Path entry : entries) {
                try {
                    Volume volume = find(entry.getFileName().toString());
                    if (volume != null) {
                        volumes.add(volume);
                    }
                } catch (RuntimeShimException e) {
                    LOG.warn("{}", e.getMessage());
                }
            }
        } catch (NoSuchFileException none) {
            return List.of();
        } catch (IOException e) {
            throw RuntimeShimException.system("list " + directory + ": " + e, e);
        }
        volumes.sort(Comparator.comparing(Volume::name));
        return volumes;
    }

    /** Null where there is none. Touches nothing that may be mounted: a server that is away must not hold who looks. */
    Volume find(String name) {
        if (!NAME.matcher(name).matches()) {
            return null;
        }
        Path place = directory.resolve(name);
        try {
            if (!hasData(place)) {
                return null;
            }
            Description description = description(place.resolve(DESCRIPTION));
            return new Volume(name, place.resolve(DATA), Files.getLastModifiedTime(place).toInstant(), description.options(), description.labels());
        } catch (NoSuchFileException gone) {
            return null;
        } catch (IOException e) {
            throw RuntimeShimException.system("look at volume " + place + ": " + e + "; what cannot be read there can only be removed by hand", e);
        }
    }

    /** By its parent's entries. */
    private static boolean hasData(Path place) throws IOException {
        if (!Files.isDirectory(place)) {
            return false;
        }
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(place, DATA)) {
            return entries.iterator().hasNext();
        }
    }

    private static Description description(Path file) throws IOException {
        return Files.exists(file) ? JSON.readValue(file.toFile(), Description.class) : Description.NONE;
    }

    /**
     * There already: that one, if its options are the same, or none are asked for.
     *
     * @throws RuntimeShimException INVALID for a name or options that cannot be, CONFLICT for other options
     */
    Volume make(String name, Map<String, String> options, Map<String, String> labels) {
        if (!NAME.matcher(name).matches()) {
            throw RuntimeShimException.invalid("\"" + name + "\" includes invalid characters for a local volume name, only \"" + NAME + "\" are allowed");
        }
        try {
            VolumeOptions.of(options);
        } catch (RuntimeShimException e) {
            throw RuntimeShimException.invalid("create " + name + ": " + e.getMessage());
        }
        Volume there = find(name);
        if (there == null) {
            place(name, new Description(options, labels));
            there = find(name);
            if (there == null) {
                throw RuntimeShimException.conflict("create " + name + ": it was removed meanwhile");
            }
        }
        if (!options.isEmpty() && !there.options().equals(options)) {
            throw RuntimeShimException.conflict("create " + name + ": conflict: volume name must be unique: it is there with " + VolumeOptions.text(there.options())
                    + ", not with " + VolumeOptions.text(options) + ". Remove it (docker volume rm " + name + "), or take another name");
        }
        return there;
    }

    private void place(String name, Description description) {
        Path place = directory.resolve(name);
        try {
            if (description.equals(Description.NONE)) {
                Files.createDirectories(place.resolve(DATA));
                return;
            }
            Files.createDirectories(directory);
            Path made = Files.createTempDirectory(directory, NEW);
            try {
                Files.createDirectory(made.resolve(DATA));
                Files.write(made.resolve(DESCRIPTION), JSON.writeValueAsBytes(description), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.SYNC);
                Files.setPosixFilePermissions(made, PosixFilePermissions.fromString("rwxr-xr-x"));
                Files.move(made, place, StandardCopyOption.ATOMIC_MOVE);
            } catch (IOException e) {
                TreeDeletion.delete(made);
                if (!hasData(place)) { // else somebody was faster
                    throw e;
                }
            }
        } catch (IOException e) {
            throw RuntimeShimException.system("create volume " + place + ": " + e, e);
        }
    }

    /** Out of its place, in one step, so that half a volume is never in it. Nothing is mounted in it. @return what to {@link #delete} */
    Path takeAway(Volume volume) {
        Path removed = directory.resolve(REMOVED + volume.name());
        try {
            if (Files.exists(removed)) { // what an interrupted removal left
                TreeDeletion.delete(removed);
            }
            return Files.move(directory.resolve(volume.name()), removed, StandardCopyOption.ATOMIC_MOVE);
        } catch (FileAlreadyExistsException twice) {
            throw RuntimeShimException.conflict("volume " + volume.name() + " is being removed");
        } catch (IOException e) {
            throw RuntimeShimException.system("remove volume " + volume.data() + ": " + e, e);
        }
    }

    void delete(Path taken) {
        try {
            TreeDeletion.delete(taken);
        } catch (IOException e) {
            throw RuntimeShimException.system("remove volume " + taken + ": " + e, e);
        }
    }

    /** What an agent left that ended while it made one. For the one agent that has the directory, as it starts. */
    void sweep() {
        try (DirectoryStream<Path> left = Files.newDirectoryStream(directory, NEW + "*")) {
            for (Path each : left) {
                TreeDeletion.delete(each);
            }
        } catch (NoSuchFileException none) {
            // no volumes yet
        } catch (IOException e) {
            LOG.warn("remains of volumes in {} stay: {}", directory, e.toString());
        }
    }
}
