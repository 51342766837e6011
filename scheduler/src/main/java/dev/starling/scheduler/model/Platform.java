package dev.starling.scheduler.model;

import java.util.Objects;

/** Operating system and architecture in Docker's words ({@code linux}, {@code x86_64} / {@code amd64}, {@code aarch64} / {@code arm64}, ...). */
public record Platform(String os, String architecture) {
    public Platform {
        Objects.requireNonNull(os, "os");
        Objects.requireNonNull(architecture, "architecture");
    }
}
