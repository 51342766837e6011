package dev.starling.runtime.launch;

import dev.starling.runtime.ContainerFile;
import dev.starling.runtime.ContainerSpec.Dns;
import dev.starling.runtime.ContainerSpec.Names;
import dev.starling.runtime.RuntimeShimException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What a container has in place of its image's {@code /etc/hosts}, {@code hostname} and {@code resolv.conf}. */
public final class NameFiles {
    private static final String STANDARD_HOSTS = """
            127.0.0.1\tlocalhost
            ::1\tlocalhost ip6-localhost ip6-loopback
            fe00::0\tip6-localnet
            ff00::0\tip6-mcastprefix
            ff02::1\tip6-allnodes
            ff02::2\tip6-allrouters
            """;

    private NameFiles() {}

    /** @param hostname the one it gets, also where {@code names} has none */
    public static List<ContainerFile> of(Names names, String hostname) {
        String resolvConf = resolvConf(names.dns(), names.dns().servers().isEmpty() ? hostResolvConf() : List.of());
        return List.of(file("hosts", hosts(names.hosts())), file("hostname", hostname + "\n"), file("resolv.conf", resolvConf));
    }

    private static ContainerFile file(String name, String text) {
        return new ContainerFile("/etc/" + name, text.getBytes(StandardCharsets.UTF_8), 0, 0, 0644);
    }

    private static String hosts(List<String> further) {
        StringBuilder text = new StringBuilder(STANDARD_HOSTS);
        for (String line : further) {
            text.append(line).append('\n');
        }
        return text.toString();
    }

    /** Without servers: the host's, less those on a loopback address, which is another one in the container. */
    static String resolvConf(Dns dns, List<String> host) {
        List<String> lines = new ArrayList<>();
        for (String server : dns.servers()) {
            lines.add("nameserver " + server);
        }
        if (dns.servers().isEmpty()) {
            for (String line : host) {
                String[] words = line.strip().split("\\s+");
                if (words[0].equals("nameserver") && words.length > 1 && !isLoopback(words[1])) {
                    lines.add(line);
                }
                if (words[0].equals("search") && dns.search().isEmpty() || words[0].equals("options") && dns.options().isEmpty()) {
                    lines.add(line);
                }
            }
        }
        if (!dns.search().isEmpty()) {
            lines.add("search " + String.join(" ", dns.search()));
        }
        if (!dns.options().isEmpty()) {
            lines.add("options " + String.join(" ", dns.options()));
        }
        return lines.isEmpty() ? "" : String.join("\n", lines) + "\n";
    }

    private static boolean isLoopback(String server) {
        return server.startsWith("127.") || server.equals("::1") || server.startsWith("::ffff:127.");
    }

    private static List<String> hostResolvConf() {
        Path file = Path.of("/etc/resolv.conf");
        try {
            return Files.readAllLines(file, StandardCharsets.ISO_8859_1);
        } catch (NoSuchFileException e) {
            return List.of();
        } catch (IOException e) {
            throw RuntimeShimException.system("read " + file + ": " + e, e);
        }
    }
}
