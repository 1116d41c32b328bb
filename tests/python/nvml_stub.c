/* Stands in for NVIDIA's management library: two GPUs, each of which lacks a figure.
 *
 * With NVML_STUB_DIVIDED the second one is divided into two MIG devices, at places 1 and 3, and with
 * NVML_STUB_CORES ("100 200") each tells how many cores it has. NVML_STUB_ASKED names a file that gets a
 * line for each GPU whose UUID is asked for.
 * NVML_STUB_LOG names a file that gets a line for each initialisation and shutdown, and
 * NVML_STUB_BEGUN another one that gets it before that.
 * NVML_STUB_INIT and NVML_STUB_HANDLE are the results of nvmlInit and of asking for GPU 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, UNKNOWN = 999 };

typedef struct {
    unsigned int gpu, memory;
} utilization_t;

typedef struct {
    unsigned int version;
    unsigned long long total, reserved, free, used;
} memory_v2_t;

static int first, second, parts[2];

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

static int is_divided(void *device) {
    return device == &second && getenv("NVML_STUB_DIVIDED");
}

static int is_part(void *device) {
    return device == &parts[0] || device == &parts[1];
}

static int tell_text(const char *text, char *buffer, unsigned int length) {
    if (strlen(text) >= length) {
        return UNKNOWN;
    }
    strcpy(buffer, text);
    return SUCCESS;
}

int nvmlDeviceGetUUID(void *device, char *uuid, unsigned int length) {
    append("NVML_STUB_ASKED", "uuid");
    return tell_text(device == &first      ? "GPU-1a1a1a1a-0000-0000-0000-000000000000"
                     : device == &second   ? "GPU-1b1b1b1b-0000-0000-0000-000000000000"
                     : device == &parts[0] ? "MIG-2a2a2a2a-0000-0000-0000-000000000000"
                                           : "MIG-2b2b2b2b-0000-0000-0000-000000000000",
                     uuid, length);
}

int nvmlDeviceGetName(void *device, char *name, unsigned int length) {
    return tell_text(device == &first ? "Alpha" : "Beta", name, length);
}

int nvmlDeviceGetNumGpuCores(void *device, unsigned int *cores) {
    const char *told = getenv("NVML_STUB_CORES");
    unsigned int of_first, of_second;
    if (!told || sscanf(told, "%u %u", &of_first, &of_second) != 2) {
        return NOT_SUPPORTED;
    }
    *cores = device == &first ? of_first : of_second;
    return SUCCESS;
}

int nvmlDeviceGetMaxClockInfo(void *device, int kind, unsigned int *clock) {
    *clock = 1000;
    return kind == 1 && device ? SUCCESS : INVALID_ARGUMENT;
}

int nvmlDeviceGetMigMode(void *device, unsigned int *current, unsigned int *pending) {
    if (device == &first) {
        return NOT_SUPPORTED;
    }
    *current = *pending = is_divided(device) ? 1 : 0;
    return SUCCESS;
}

int nvmlDeviceGetMaxMigDeviceCount(void *device, unsigned int *count) {
    *count = is_divided(device) ? 7 : 0;
    return SUCCESS;
}

int nvmlDeviceGetMigDeviceHandleByIndex(void *device, unsigned int index, void **part) {
    if (!is_divided(device) || (index != 1 && index != 3)) {
        return NOT_FOUND;
    }
    *part = &parts[index / 2];
    return SUCCESS;
}

int nvmlDeviceGetUtilizationRates(void *device, utilization_t *rates) {
    if (device == &first || is_part(device)) {
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
    if (is_part(device)) {
        memory->total = 4ull << 30;
        memory->reserved = 0;
        memory->used = device == &parts[0] ? 1ull << 30 : 3ull << 30;
        memory->free = memory->total - memory->used;
        return SUCCESS;
    }
    memory->total = 8ull << 30;
    memory->reserved = 1ull << 30;
    memory->used = 2ull << 30;
    memory->free = 5ull << 30;
    return SUCCESS;
}
