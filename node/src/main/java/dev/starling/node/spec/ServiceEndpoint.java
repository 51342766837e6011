package dev.starling.node.spec;

import java.util.List;
import java.util.SortedMap;

/**
 * How a service is reached.
 *
 * @param ports            those it has by right
 * @param virtualAddresses network uid to the service's address in it ("10.0.1.200"); empty for dnsrr
 * @param conflicts        in words: what it asks for and an older service has
 */
public record ServiceEndpoint(List<Port> ports, SortedMap<String, String> virtualAddresses, List<String> conflicts) {
    /**
     * @param published 0 in host mode where each task's node picks the number
     * @param ingress   on every node; otherwise on the nodes of its tasks, for their own task
     */
    public record Port(String name, String protocol, int target, int published, boolean ingress) {
        /** Its number is the task's own: {@link dev.starling.scheduler.model.Task#pickedPorts}. */
        public boolean isOpen() {
            return published == 0;
        }

        /** "tcp/8080" */
        public String text() {
            return protocol + "/" + published;
        }
    }
}
