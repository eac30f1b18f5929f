/** The same migration as tests/operations/migrate.test.ts, to the RabbitMQ of Debian 13. */
import { testMigration } from "../support/migration-by-version.ts";

testMigration("4.0.5");
