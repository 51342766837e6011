package dev.starling.chaos.sim;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** Service documents for scenarios, in Docker's JSON. */
public final class Services {
    private final ObjectNode body = JsonNodeFactory.instance.objectNode();
    private final ObjectNode spec = body.putObject("Spec");
    private final ObjectNode template = spec.putObject("TaskTemplate");

    private Services(String name) {
        spec.put("Name", name);
        template.putObject("ContainerSpec").put("Image", "busybox:latest");
        template.putObject("RestartPolicy").put("Condition", "any").put("Delay", 1_000_000_000L);
    }

    public static Services replicated(String name, int replicas) {
        Services service = new Services(name);
        service.spec.putObject("Mode").putObject("Replicated").put("Replicas", replicas);
        return service;
    }

    public static Services global(String name) {
        Services service = new Services(name);
        service.spec.putObject("Mode").putObject("Global");
        return service;
    }

    /** {@code missing}: not there; {@code crash}: ends with 1 after a second; others run. */
    public Services image(String image) {
        template.withObject("/ContainerSpec").put("Image", image);
        return this;
    }

    public Services reserving(long nanoCpus, long memoryBytes) {
        template.withObject("/Resources/Reservations").put("NanoCPUs", nanoCpus).put("MemoryBytes", memoryBytes);
        return this;
    }

    public Services updating(int parallelism) {
        spec.putObject("UpdateConfig").put("Parallelism", parallelism);
        return this;
    }

    public Services on(String networkUid) {
        template.withArray("/Networks").addObject().put("Target", networkUid);
        return this;
    }

    public ObjectNode body() {
        return body;
    }

    /** An overlay network's document. */
    public static ObjectNode network(String name, String subnet, int vni) {
        ObjectNode body = JsonNodeFactory.instance.objectNode();
        ObjectNode spec = body.putObject("Spec");
        spec.put("Name", name).put("Driver", "overlay").put("VxlanId", vni);
        spec.withArray("/IPAM/Config").addObject().put("Subnet", subnet);
        return body;
    }
}
