package dev.starling.chaos.sim;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.NodeId;
import dev.starling.node.spec.SiteLabels;
import java.util.Collection;

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

    /** Runs {@code batch}, which ends with success after a second, so often. */
    public static Services job(String name, int completions, int maxConcurrent) {
        Services service = new Services(name).image(SimContainers.BATCH);
        service.template.withObject("/RestartPolicy").put("Condition", "on-failure");
        service.spec.putObject("Mode").putObject("ReplicatedJob").put("TotalCompletions", completions).put("MaxConcurrent", maxConcurrent);
        return service.iteration(1);
    }

    public static Services globalJob(String name) {
        Services service = new Services(name).image(SimContainers.BATCH);
        service.template.withObject("/RestartPolicy").put("Condition", "on-failure");
        service.spec.putObject("Mode").putObject("GlobalJob");
        return service.iteration(1);
    }

    /** As the API keeps it beside a job's spec: the next one runs everything again. */
    public Services iteration(long number) {
        body.withObject("/JobStatus/JobIteration").put("Index", number);
        return this;
    }

    public Services wanting(String kind, int count) {
        template.withObject("/Resources/Reservations").withArray("GenericResources").addObject().putObject("DiscreteResourceSpec")
                .put("Kind", kind).put("Value", count);
        return this;
    }

    /** {@code missing}: not there; {@code crash}: ends with 1 after a second, {@code batch} with 0; {@code slow...}: starts late; others run. */
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

    public Services startFirst() {
        spec.withObject("/UpdateConfig").put("Order", "start-first");
        return this;
    }

    /** @param failureAction pause, continue or rollback */
    public Services updating(long delayMillis, String failureAction, double maxFailureRatio) {
        spec.withObject("/UpdateConfig").put("Delay", delayMillis * 1_000_000).put("FailureAction", failureAction)
                .put("MaxFailureRatio", maxFailureRatio);
        return this;
    }

    /** @param condition any, on-failure or none */
    public Services restarting(String condition, int maxAttempts) {
        template.withObject("/RestartPolicy").put("Condition", condition).put("MaxAttempts", maxAttempts);
        return this;
    }

    /** Restarts that lie further back count no more. */
    public Services within(long windowMillis) {
        template.withObject("/RestartPolicy").put("Window", windowMillis * 1_000_000);
        return this;
    }

    public Services constrained(String constraint) {
        template.withObject("/Placement").withArray("Constraints").add(constraint);
        return this;
    }

    public Services spreadOver(String descriptor) {
        template.withObject("/Placement").withArray("Preferences").addObject().putObject("Spread").put("SpreadDescriptor", descriptor);
        return this;
    }

    public Services atMostOnANode(int tasks) {
        template.withObject("/Placement").put("MaxReplicas", tasks);
        return this;
    }

    /** Published on the node of the task itself. */
    public Services hostPort(int port) {
        spec.withObject("/EndpointSpec").withArray("Ports").addObject().put("Protocol", "tcp").put("TargetPort", 80).put("PublishedPort", port)
                .put("PublishMode", "host");
        return this;
    }

    /** Published on the node of the task itself, under a number that the node picks. */
    public Services openPort(int target) {
        spec.withObject("/EndpointSpec").withArray("Ports").addObject().put("Protocol", "tcp").put("TargetPort", target).put("PublishMode", "host");
        return this;
    }

    /** One of Starling's own, e.g. {@code starling.partition}. */
    public Services label(String key, String value) {
        spec.withObject("/Labels").put(key, value);
        return this;
    }

    /** At most one task of a slot at any time. @param enrolled as the API does when the service is made */
    public Services exclusive(Collection<NodeId> enrolled) {
        label("starling.partition", "exclusive");
        SiteLabels.created(body, enrolled);
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
