/** A running cluster of mirrored queues moves to quorum queues of RabbitMQ 4.3 behind its address, back, and again. */
import { testMigration } from "../support/migration-by-version.ts";

testMigration("4.3.6");
