package dev.starling.node.agent;

import dev.starling.runtime.image.ImageCollector;
import dev.starling.runtime.image.ImageStore;
import dev.starling.runtime.registry.ImagePuller;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;

/** What Prometheus sees of this node's images; docs/OPERATIONS.md lists the names. They live as long as the agent. */
final class ImageMetrics {
    static void bind(MeterRegistry registry, ImageStore images, ImageCollector collector, ImagePuller puller) {
        Gauge.builder("starling.images", images, store -> store.list().size()).description("Images on this node").register(registry);
        Gauge.builder("starling.image.size", images, store -> store.usage().layerBytes()).baseUnit("bytes")
                .description("Unpacked layers of images, each once").register(registry);
        FunctionCounter.builder("starling.images.removed", collector, ImageCollector::removedForAge).tag("reason", "unused")
                .description("Images that went by themselves").register(registry);
        FunctionCounter.builder("starling.images.removed", collector, ImageCollector::removedForSpace).tag("reason", "disk")
                .description("Images that went by themselves").register(registry);
        FunctionCounter.builder("starling.images.removed.size", collector, ImageCollector::removedBytes).baseUnit("bytes")
                .description("What that gave back to the disk").register(registry);
        FunctionCounter.builder("starling.image.pulls", puller, ImagePuller::pulls).tag("result", "done").description("Pulls of images")
                .register(registry);
        FunctionCounter.builder("starling.image.pulls", puller, ImagePuller::failures).tag("result", "failed").description("Pulls of images")
                .register(registry);
    }

    private ImageMetrics() {}
}
