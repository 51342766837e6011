package dev.starling.node.spec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What of a compose file decides where its tasks can run. */
class ComposeFileTest {
    @Test
    void whatDecidesAboutAPlaceIsRead() {
        List<ObjectNode> specs = ComposeFile.services(Specs.json("""
                {"services": {"web": {"image": "nginx:1", "platform": "linux/arm64", "environment": {"A": "${B}"},
                  "volumes": ["/data:/d:ro", "named:/v", "./here:/h", {"type": "bind", "source": "/more", "target": "/m"}],
                  "ports": ["80:80", {"target": 80, "published": "8080", "mode": "host"}, {"target": 53, "protocol": "udp", "mode": "host"}],
                  "deploy": {"mode": "replicated", "replicas": 3, "placement": {"constraints": ["node.role==worker"],
                    "preferences": [{"spread": "node.labels.zone"}], "max_replicas_per_node": 1},
                    "resources": {"reservations": {"cpus": "0.5", "memory": "1.5G",
                      "generic_resources": [{"discrete_resource_spec": {"kind": "gpu", "value": 2}}]}}}},
                 "once": {"image": "batch", "deploy": {"mode": "replicated-job", "replicas": 4}}}}
                """), "shop");
        ObjectNode web = specs.get(0);
        assertEquals("shop_web", web.path("Name").asText());
        assertEquals(3, web.path("Mode").path("Replicated").path("Replicas").asInt());
        assertEquals("[\"node.role==worker\"]", web.path("TaskTemplate").path("Placement").path("Constraints").toString());
        assertEquals("{\"NanoCPUs\":500000000,\"MemoryBytes\":1610612736,\"GenericResources\":[{\"DiscreteResourceSpec\":{\"Kind\":\"gpu\",\"Value\":2}}]}",
                web.path("TaskTemplate").path("Resources").path("Reservations").toString());
        assertEquals("[{\"OS\":\"linux\",\"Architecture\":\"arm64\"}]", web.path("TaskTemplate").path("Placement").path("Platforms").toString());
        assertEquals(List.of("/data", "/more"), web.path("TaskTemplate").path("ContainerSpec").findValuesAsText("Source"));
        assertEquals(8080, web.path("EndpointSpec").path("Ports").get(0).path("PublishedPort").asInt());
        assertEquals("{\"Protocol\":\"udp\",\"PublishMode\":\"host\",\"TargetPort\":53}", web.path("EndpointSpec").path("Ports").get(1).toString());
        assertEquals(4, specs.get(1).path("Mode").path("ReplicatedJob").path("TotalCompletions").asInt());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{}                                                               | services: a compose file needs at least one service",
        "{\"services\": {\"a\": {\"build\": \".\"}}}                      | services.a.image: is missing",
        "{\"services\": {\"a\": {\"image\": \"${TAG}\"}}}                 | services.a.image: \"${TAG}\" has a variable",
        "{\"services\": {\"a\": {\"image\": \"x\", \"deploy\": {\"mode\": \"fast\"}}}} | services.a.deploy.mode: \"fast\" is none of",
        "{\"services\": {\"a\": {\"image\": \"x\", \"deploy\": {\"replicas\": \"many\"}}}} | services.a.deploy.replicas: \"many\" is not a whole number",
        "{\"services\": {\"a\": {\"image\": \"x\", \"deploy\": {\"resources\": {\"reservations\": {\"memory\": \"lots\"}}}}}} | \"lots\" is not an amount of memory",
    })
    void whatCannotBeReadIsNamedWithItsPlace(String compose, String message) {
        SpecException wrong = assertThrows(SpecException.class, () -> ComposeFile.services(Specs.json(compose), ""));
        assertTrue(wrong.getMessage().contains(message), wrong.getMessage());
    }
}
