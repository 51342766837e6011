package dev.starling.node.config;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * {@code runtime:}, what makes this node's containers.
 *
 * @param path of the OCI runtime's program; null: where programs usually are
 */
public record RuntimeChoice(Name name, Path path) {
    /** The agent's own system calls, or an OCI runtime of the host. */
    public enum Name {
        NATIVE, CRUN, RUNC;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public static final RuntimeChoice DEFAULT = new RuntimeChoice(Name.NATIVE, null);
    static final List<String> KEYS = List.of("name", "path");

    /** @param section null for none */
    static RuntimeChoice read(Section section) {
        if (section == null) {
            return DEFAULT;
        }
        RuntimeChoice choice = new RuntimeChoice(section.read("name", DEFAULT.name(), ConfigLoader.oneOf(Name.class)),
                section.read("path", null, ConfigLoader::absolutePath));
        if (choice.name() == Name.NATIVE && choice.path() != null) {
            throw section.complaintAbout("path", "is for 'name: crun' and 'name: runc'; the native runtime is no program");
        }
        return choice;
    }
}
