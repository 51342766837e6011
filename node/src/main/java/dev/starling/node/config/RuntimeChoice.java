package dev.starling.node.config;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.UserNamespace;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * {@code runtime:}, what makes this node's containers.
 *
 * @param path          of the OCI runtime's program; null: where programs usually are
 * @param userNamespace which users of the host the containers' are; null: the same
 */
public record RuntimeChoice(Name name, Path path, UserNamespace userNamespace) {
    /** The agent's own system calls, or an OCI runtime of the host. */
    public enum Name {
        NATIVE, CRUN, RUNC;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public static final RuntimeChoice DEFAULT = new RuntimeChoice(Name.NATIVE, null, null);
    static final List<String> KEYS = List.of("name", "path", "user-namespace");
    private static final List<String> USER_NAMESPACE_KEYS = List.of("first", "size");

    /** @param section null for none */
    static RuntimeChoice read(Section section) {
        if (section == null) {
            return DEFAULT;
        }
        RuntimeChoice choice = new RuntimeChoice(section.read("name", DEFAULT.name(), ConfigLoader.oneOf(Name.class)),
                section.read("path", null, ConfigLoader::absolutePath),
                userNamespace(section, section.readSection("user-namespace", USER_NAMESPACE_KEYS)));
        if (choice.name() == Name.NATIVE && choice.path() != null) {
            throw section.complaintAbout("path", "is for 'name: crun' and 'name: runc'; the native runtime is no program");
        }
        if (choice.name() != Name.CRUN && choice.userNamespace() != null) {
            throw section.complaintAbout("user-namespace", "is for 'name: crun': a program with threads, as the agent is, may not make one, and runc cannot map volumes");
        }
        return choice;
    }

    private static UserNamespace userNamespace(Section parent, Section section) {
        if (section == null) {
            return null;
        }
        try {
            return new UserNamespace(section.read("first", 0, RuntimeChoice::id), section.read("size", UserNamespace.STANDARD_SIZE, RuntimeChoice::id));
        } catch (RuntimeShimException e) {
            throw parent.complaintAbout("user-namespace", e.getMessage());
        }
    }

    private static int id(String text) {
        if (!text.matches("[0-9]{1,9}")) {
            throw new IllegalArgumentException("expected a number of at most nine digits, got '" + text + "'");
        }
        return Integer.parseInt(text);
    }
}
