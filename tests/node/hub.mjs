// Before a card's own code, which runs as it is: where the Hub is, and where to keep what is downloaded.
import { env } from "@huggingface/transformers";

env.remoteHost = process.env.TEST_HUB;
env.cacheDir = process.env.TEST_CACHE;
