package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.O_WRONLY;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import jnr.ffi.Pointer;

/**
 * The AppArmor profile of a container: one that the kernel has loaded already ({@code apparmor_parser}); we load none. The thread that becomes the container
 * names it in a file of its own in /proc, which has to be opened while that is still the host's; it counts from the exec of the next child on.
 */
public final class AppArmor implements AutoCloseable {
    private static final Path ENABLED = Path.of("sys/module/apparmor/parameters/enabled");
    private static final Path LOADED = Path.of("sys/kernel/security/apparmor/profiles");
    private static final Pattern NAME = Pattern.compile("[^\\s\\p{Cntrl}]{1,255}");

    private final Kernel kernel;
    private final String profile;
    private final Descriptor attribute;

    private AppArmor(Kernel kernel, String profile, Descriptor attribute) {
        this.kernel = kernel;
        this.profile = profile;
        this.attribute = attribute;
    }

    /** @throws RuntimeShimException INVALID where it can be no profile's name; empty is none */
    public static void checkName(String profile) {
        if (!profile.isEmpty() && !NAME.matcher(profile).matches()) {
            throw RuntimeShimException.invalid("AppArmor profile \"" + profile + "\" is no name: 1 to 255 characters without blanks");
        }
    }

    /**
     * @param root of the machine, {@code /}
     * @throws RuntimeShimException UNSUPPORTED where the kernel has no AppArmor, INVALID where it has no such profile
     */
    public static void check(Path root, String profile) {
        checkName(profile);
        if (profile.isEmpty()) {
            return;
        }
        try {
            if (!Files.exists(root.resolve(ENABLED)) || !Files.readString(root.resolve(ENABLED)).startsWith("Y")) {
                throw RuntimeShimException.unsupported("AppArmor profile \"" + profile + "\": this node's kernel has no AppArmor, or it is off (/" + ENABLED + ")");
            }
            if (!Files.exists(root.resolve(LOADED))) { // securityfs is not mounted: the kernel will say
                return;
            }
            boolean loaded = Files.readAllLines(root.resolve(LOADED), StandardCharsets.UTF_8).stream().anyMatch(line -> line.startsWith(profile + " ("));
            if (!loaded) {
                throw RuntimeShimException.invalid("AppArmor profile \"" + profile + "\" is not loaded on this node: apparmor_parser -r FILE (loaded are those in /" + LOADED + ")");
            }
        } catch (IOException e) {
            throw RuntimeShimException.system("look for AppArmor profile \"" + profile + "\": " + e, e);
        }
    }

    /** Of the calling thread, while /proc is the host's. With an empty name it does nothing. */
    static AppArmor open(Kernel kernel, String profile) {
        if (profile.isEmpty()) {
            return new AppArmor(kernel, profile, null);
        }
        String attributes = "/proc/self/task/" + kernel.threadId() + "/attr/";
        String file = Files.exists(Path.of(attributes + "apparmor/exec")) ? attributes + "apparmor/exec" : attributes + "exec";
        return new AppArmor(kernel, profile, kernel.open(file, O_WRONLY));
    }

    /** On the thread that opened it. */
    void applyAtExec() {
        if (attribute == null) {
            return;
        }
        byte[] text = ("exec " + profile).getBytes(StandardCharsets.UTF_8);
        Pointer buffer = kernel.memory(text.length);
        buffer.put(0, text, 0, text.length);
        if (kernel.libc().write(attribute.number(), buffer, text.length) < 0) {
            throw kernel.failure("write \"exec " + profile + "\" to the thread's AppArmor attribute (is the profile loaded?)", kernel.errno());
        }
    }

    @Override
    public void close() {
        if (attribute != null) {
            attribute.close();
        }
    }
}
