package dev.starling.node.api;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;

/** A test that types commands of the real docker CLI against the API, over a fake cluster of its own. */
abstract class WithDockerCli {
    ApiFixture api;
    DockerCli docker;

    @BeforeAll
    static void assumeDocker() {
        DockerCli.assumeInstalled();
    }

    @BeforeEach
    void open() throws Exception {
        api = new ApiFixture();
        docker = api.docker();
    }

    @AfterEach
    void close() throws Exception {
        api.close();
    }
}
