/* Stands in for NVIDIA's management library: two GPUs, each of which lacks a figure.
 *
 * NVML_STUB_LOG names a file that gets a line for each initialisation and shutdown, and
 * NVML_STUB_BEGUN another one that gets it before that.
 * NVML_STUB_INIT and NVML_STUB_HANDLE are the results of nvmlInit and of asking for GPU 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, UNKNOWN = 999 };

typedef struct {
    unsigned int gpu, memory;
} utilization_t;

typedef struct {
    unsigned int version;
    unsigned long long total, reserved, free, used;
} memory_v2_t;

static int first, second;

static int result_of(const char *variable) {
    const char *value = getenv(variable);
    return value ? atoi(value) : SUCCESS;
}

static void append(const char *variable, const char *event) {
    const char *path = getenv(variable);
    FILE *file = path ? fopen(path, "a") : NULL;
    if (file) {
        fprintf(file, "%s %d\n", event, (int)getpid());
        fclose(file);
    }
}

static void tell(const char *event) {
    append("NVML_STUB_BEGUN", event);
    append("NVML_STUB_LOG", event);
}

int nvmlInit_v2(void) {
    tell("init");
    return result_of("NVML_STUB_INIT");
}

int nvmlShutdown(void) {
    tell("shutdown");
    return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned int *count) {
    *count = 2;
    return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) {
    if (index > 1) {
        return INVALID_ARGUMENT;
    }
    *device = index ? &second : &first;
    return index ? result_of("NVML_STUB_HANDLE") : SUCCESS;
}

int nvmlDeviceGetUtilizationRates(void *device, utilization_t *rates) {
    if (device == &first) {
        return NOT_SUPPORTED;
    }
    rates->gpu = 73;
    rates->memory = 5;
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo_v2(void *device, memory_v2_t *memory) {
    if (device == &second || memory->version != (sizeof(memory_v2_t) | 2u << 24)) {
        return UNKNOWN;
    }
    memory->total = 8ull << 30;
    memory->reserved = 1ull << 30;
    memory->used = 2ull << 30;
    memory->free = 5ull << 30;
    return SUCCESS;
}
