package dev.starling.runtime;

import dev.starling.runtime.cgroup.ControlGroupStats;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a container has used up to {@code read}.
 *
 * @param logLinesDropped what it wrote that its log has not: since this agent started or, if that was later, the container
 */
public record ContainerStats(Instant read, ControlGroupStats groups, Map<String, Interface> interfaces, long logLinesDropped) {
    public record Interface(
            long receivedBytes, long receivedPackets, long receiveErrors, long receiveDropped, long sentBytes, long sentPackets, long sendErrors,
            long sendDropped) {}

    /** @param text of {@code /proc/PID/net/dev}; the loopback interface is left out */
    public static Map<String, Interface> interfaces(String text) {
        Map<String, Interface> interfaces = new LinkedHashMap<>();
        for (String line : text.split("\n")) {
            int colon = line.indexOf(':');
            if (colon < 0 || line.substring(0, colon).strip().equals("lo")) {
                continue;
            }
            String[] fields = line.substring(colon + 1).strip().split("\\s+");
            if (fields.length < 12) {
                continue;
            }
            interfaces.put(line.substring(0, colon).strip(), new Interface(
                    number(fields[0]), number(fields[1]), number(fields[2]), number(fields[3]), number(fields[8]), number(fields[9]), number(fields[10]),
                    number(fields[11])));
        }
        return interfaces;
    }

    private static long number(String text) {
        return Long.parseUnsignedLong(text);
    }
}
