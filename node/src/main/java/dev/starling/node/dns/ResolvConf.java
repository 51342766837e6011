package dev.starling.node.dns;

import io.netty.util.NetUtil;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The host's resolvers: the first three {@code nameserver} lines of a resolv.conf, as resolv.conf(5) has it. Read again when the file changes. */
public final class ResolvConf implements Supplier<List<InetSocketAddress>> {
    private static final Logger LOG = LoggerFactory.getLogger(ResolvConf.class);
    private static final int MAX_SERVERS = 3;
    private static final int PORT = 53;

    private final Path file;
    private FileTime readAt = FileTime.fromMillis(-1);
    private List<InetSocketAddress> servers = List.of();

    public ResolvConf(Path file) {
        this.file = file;
    }

    /** Empty where there is no such file. */
    @Override
    public synchronized List<InetSocketAddress> get() {
        try {
            FileTime modified = Files.getLastModifiedTime(file);
            if (!modified.equals(readAt)) {
                servers = parse(Files.readAllLines(file));
                readAt = modified;
            }
        } catch (IOException e) {
            LOG.debug("no resolvers from {}", file, e);
            servers = List.of();
            readAt = FileTime.fromMillis(-1);
        }
        return servers;
    }

    static List<InetSocketAddress> parse(List<String> lines) {
        return lines.stream().map(line -> line.strip().split("\\s+"))
            .filter(words -> words.length >= 2 && words[0].equals("nameserver"))
            .map(words -> NetUtil.createInetAddressFromIpAddressString(words[1])) // literals only, never a look-up
            .filter(address -> address != null)
            .map((InetAddress address) -> new InetSocketAddress(address, PORT)).limit(MAX_SERVERS).toList();
    }
}
